"""``manage train``: run a study here, with a progress bar."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.errors import QuantaiError
from training import datasets, services
from training.local_run import LocalRun
from training.study_spec import StudySpec

BAR = 24


class Command(BaseCommand):
    help = (
        "Search hyperparameters on stored candles or on a candle file, each trial in a "
        "process of its own. Ctrl-C cancels the study; it can be requeued."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the study")
        parser.add_argument(
            "--file", type=Path, help="candle file instead of the store"
        )
        parser.add_argument("--symbols", default="BTCUSDT", help="comma separated")
        parser.add_argument("--interval", default="1h")
        parser.add_argument("--trials", type=int, default=10)
        parser.add_argument("--workers", type=int, default=1)
        parser.add_argument("--epochs", type=int, default=5)
        parser.add_argument("--model", default="informer")
        parser.add_argument("--loss", default="mse")
        parser.add_argument("--precision", default="fp32")
        parser.add_argument("--device", default="cpu")
        parser.add_argument(
            "--spec",
            type=Path,
            help="JSON file of a whole study; replaces the flags above",
        )
        parser.add_argument(
            "--preview", action="store_true", help="look at the data only"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        venue = settings.QUANTAI.site.exchange
        try:
            spec = _spec(options)
            services.study_check(spec)
            found = datasets.preview(spec, venue=venue)
            self._preview(found)
            if found["refused"]:
                raise CommandError(
                    "the data is refused: " + "; ".join(found["problems"])
                )
            if options["preview"]:
                return
            study = services.study_create(
                venue=venue, name=options["name"], spec=spec, actor="command"
            )
        except QuantaiError as error:
            raise CommandError(str(error)) from error
        run = LocalRun(study, workers=spec.workers)
        try:
            told = run.run(self._show)
        except KeyboardInterrupt:
            self.stderr.write("")
            raise CommandError("cancelled; its trials have ended") from None
        self.stderr.write("")
        self._result(told)
        if told["state"] != "complete":
            raise CommandError(f"the study is {told['state']}: {told['reason']}")

    def _preview(self, found: dict[str, Any]) -> None:
        for one in found["symbols"]:
            self.stderr.write(
                f"{one['symbol']}: {one['bars']:,} bars, {one['usable']:,} usable, "
                f"{one['gaps']} gaps"
            )
        windows = ", ".join(f"{name} {n:,}" for name, n in found["windows"].items())
        self.stderr.write(f"windows: {windows}; target {found['target']['name']}")

    def _show(self, told: dict[str, Any]) -> None:
        counts, wanted = told["counts"], told["trials_wanted"]
        done = counts["complete"] + counts["pruned"]
        filled = "#" * (BAR * min(done, wanted) // max(wanted, 1))
        best = told["best"]
        parts = [
            f"[{filled:<{BAR}}] {done}/{wanted} trials",
            f"running {counts['running']}",
            *([f"failed {counts['failed']}"] if counts["failed"] else []),
            *([f"best {best['value']:.5g} (trial {best['number']})"] if best else []),
            *([f"{told['eta_seconds']:.0f} s left"] if told["eta_seconds"] else []),
        ]
        line = ", ".join(parts)
        if self.stderr.isatty():
            self.stderr.write(f"\r{line:<100}", ending="")
        elif line != getattr(self, "_last", ""):
            self.stderr.write(line)
        self._last = line

    def _result(self, told: dict[str, Any]) -> None:
        best = told["best"]
        if best is None:
            return
        params = ", ".join(f"{name} {value}" for name, value in best["params"].items())
        searches_loss = StudySpec.from_dict(told["spec"]).searches_loss
        measure = "value" if searches_loss else "validation loss"
        self.stdout.write(
            f"best trial {best['number']}: {measure} {best['value']:.6g}"
            + (f" with {params}" if params else "")
        )


def _names(text: str) -> list[str]:
    return [name.strip().upper() for name in text.split(",") if name.strip()]


def _spec(options: dict[str, Any]) -> StudySpec:
    if options["spec"]:
        try:
            return StudySpec.from_dict(json.loads(options["spec"].read_text()))
        except (OSError, ValueError) as error:
            raise CommandError(f"--spec {options['spec']}: {error}") from error
    return StudySpec.from_dict(
        {
            "symbols": _names(options["symbols"]),
            "interval": options["interval"],
            "source": str(options["file"] or ""),
            "trials": options["trials"],
            "workers": options["workers"],
            "model": {"kind": options["model"]},
            "train": {
                "epochs": options["epochs"],
                "precision": options["precision"],
                "device": options["device"],
                "amp_on_cpu": options["device"] == "cpu"
                and options["precision"] != "fp32",
                "loss": {"kind": options["loss"]},
            },
            "space": {
                "train.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
                "train.batch_size": {"choices": [32, 64, 128]},
                "model.dropout": {"low": 0.0, "high": 0.3},
                "model.d_model": {"choices": [16, 32, 64]},
            },
        }
    )
