"""Rows of training in the running product, written as trial processes write them.

A planted study is stored as ended, so that no worker takes it for its own; one of its
trials still runs, in a process that is not there.
"""

import json

ALONE = """
from django.db import transaction
from training import wake
from training.models import Study, Trial
from tests.training import planted
# Nobody is to work on these.
wake.workers = wake.worker = lambda study_id: None
"""

PLANT = (
    ALONE
    + """
import json
from pathlib import Path
from django.conf import settings
from training import recorder

FILES = Path(settings.QUANTAI.site.var) / "models" / "browser-a"

ERRORS = {"mae": 0.0031, "mse": 1.7e-5, "directional_accuracy": 0.523,
          "gmadl": -3e-4, "mae_of_zero": 0.0032}
FIGURES = {"final_value": 1.05, "arc": 0.12, "asd": 0.3, "ir": 0.4, "ir2": 0.2,
           "max_drawdown": 0.11, "turnover": 212.0, "long_share": 0.4,
           "short_share": 0.3, "bars": 4, "equity": [1.0, 1.02, 0.99, 1.05]}
# As training.engine.evaluate.evaluate gives it.
EVALUATED = {"test": ERRORS, "validation": ERRORS, "fee": 0.0005, "bars": 346,
             "first": 1795000000000, "last": 1795300000000, "thresholds": {},
             "strategies": {"model": FIGURES, "flat": {**FIGURES, "arc": 0.0}}}

def told(study, **more):
    trials = {row.number: row.id for row in study.trials.all()}
    return {"study": study.id, "trials": trials, **more}

with transaction.atomic():
    typical = planted.typical()
    Study.objects.filter(id=typical.id).update(state="complete")
    typical.trials.filter(number=0).update(metrics=EVALUATED)
    many = planted.many(trials=50, epochs=100)
    plain = planted.study("plain", trials=1, actor="eve")
    planted.trial(plain, 0, epochs=3, state="complete", fp16=False)
    Study.objects.filter(id=plain.id).update(state="cancelled", reason="asked by eve")
    wild = planted.study("wild", trials=1)
    planted.trial(wild, 0, epochs=4, state="complete", overflow_at=range(150, 160))
    Study.objects.filter(id=wild.id).update(state="failed", reason="no trial was good")
    FILES.mkdir(parents=True)
    (FILES / "version.json").write_text("{}")
    first = planted.version(
        typical.trials.get(number=0), "browser-a", folder="browser-a",
        config={"model": {"kind": "informer", "d_model": 16}},
        metrics={"validation_loss": 0.5, "test": {"mae": 0.01}},
    )
    second = planted.version(
        name="browser-b", folder="browser-b", stage="active",
        config={"model": {"kind": "dlinear", "d_model": 16}},
        metrics={"validation_loss": 0.4, "test": {"mae": 0.02}},
    )
print("PLANTED" + json.dumps({
    "typical": told(typical), "many": told(many), "plain": told(plain),
    "wild": told(wild), "versions": [first.id, second.id],
}))
"""
)

ADD_TRIAL = (
    ALONE
    + """
with transaction.atomic():
    study = Study.objects.get(id={study})
    planted.trial(study, {number}, epochs={epochs}, state={state!r}, host="far-box")
    Study.objects.filter(id={study}).update(state="complete")
"""
)

ADD_EPOCH = """
from tests.training import planted
from training import recorder
result, _ = planted.epoch_result({epoch}, scale={scale}, overflow_at=({overflow},))
assert recorder.epoch_recorded(trial_id={trial}, result=result)
"""

ADD_STUDY = (
    ALONE
    + """
from training import pushes
with transaction.atomic():
    study = planted.study({name!r}, trials=3, actor="zoe")
    planted.trial(study, 0, epochs=1, state="complete", value=0.25)
    Study.objects.filter(id=study.id).update(state="complete")
    pushes.study_tell(study.id, "simulator")
"""
)


class Writer:
    """Writes rows as a worker on a machine does.

    ``planted``: ids by name and number of what it planted when it began.
    """

    def __init__(self, shell):
        self._shell = shell
        said = self.run(PLANT).splitlines()
        (told,) = (line for line in said if line.startswith("PLANTED"))
        self.planted = json.loads(told.removeprefix("PLANTED"))
        for told in self.planted.values():
            if isinstance(told, dict):
                told["trials"] = {int(key): id_ for key, id_ in told["trials"].items()}

    def run(self, script, **values):
        """Run one of the scripts above with its values; returns what it said."""
        for name, value in values.items():
            script = script.replace(f"{{{name}!r}}", repr(value))
            script = script.replace(f"{{{name}}}", str(value))
        return self._shell(script)
