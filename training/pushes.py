"""What browsers are told of studies, trials and epochs, after commit.

Topic ``training``: a study or a trial as it is now (``kind``), without spec and data.
Topic ``trial:<id>``: an epoch with its events.
"""

from core import push, wire
from training import selectors
from training.messages import epoch_told, trial_told
from training.models import ScaleMark, Trial, TrialEpoch

TRAINING = "training"


def trial_topic(trial_id: int) -> str:
    """Return the topic of a trial's epochs."""
    return f"trial:{trial_id}"


def study_tell(study_id: int, venue: str) -> None:
    """Tell how a study stands."""
    told = selectors.study(study_id=study_id, venue=venue)
    if told is None:
        return
    del told["spec"], told["data"]
    item = {"kind": "study", "study": study_id, **told}
    push.queue_on_commit(TRAINING, [(f"study-{study_id}", wire.encode(item))])


def trial_tell(trial: Trial) -> None:
    """Tell how a trial stands."""
    item = wire.encode({"kind": "trial", **trial_told(trial)})
    push.queue_on_commit(TRAINING, [(f"trial-{trial.id}", item)])


def epoch_tell(row: TrialEpoch, marks: list[ScaleMark]) -> None:
    """Tell of an epoch."""
    item = wire.encode(epoch_told(row, marks))
    push.queue_on_commit(trial_topic(row.trial_id), [(str(row.epoch), item)])
