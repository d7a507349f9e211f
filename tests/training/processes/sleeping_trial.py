"""A trial's process whose work is to sleep, epoch by epoch.

``train.learning_rate`` is the length of an epoch in seconds; ``train.patience`` 99 makes
a trial that hears nobody.
"""

import argparse
import sys
import time

import django

DEAF = 99


def sleep(running):
    from training import recorder, search
    from training.engine.results import EpochResult

    spec = search.suggest(running.trial, running.spec)
    first = len(running.stored.intermediate_values) if running.goes_on else 0
    running.begins(epochs_wanted=spec.train.epochs, first_epoch=first)
    for epoch in range(first, spec.train.epochs):
        ends = time.monotonic() + spec.train.learning_rate
        while time.monotonic() < ends:
            if spec.train.patience != DEAF and running.stop() is not None:
                raise search.TrialEnded(search.INTERRUPTED, running.stop())
            time.sleep(0.02)
        loss = 1 / (epoch + 1 + running.first)
        result = EpochResult(epoch, 1, loss, loss, 0.1, 1.0, 1.0, 1.0, 1.0, 1, True)
        if not recorder.epoch_recorded(trial_id=running.row_id, result=result):
            raise search.TrialEnded(search.INTERRUPTED, "the row has ended")
        running.trial.report(loss, epoch)
    return float(running.first)


def main():
    django.setup()
    from training.trial_process import Place, TrialProcess, stop_with

    parser = argparse.ArgumentParser()
    parser.add_argument("--study", type=int)
    parser.add_argument("--worker")
    parser.add_argument("--device")
    parser.add_argument("--parent", type=int)
    given = parser.parse_args()
    stop_with(given.parent)
    place = Place(given.worker, given.device)
    sys.exit(int(TrialProcess(given.study, place, sleep).run()))


if __name__ == "__main__":
    main()
