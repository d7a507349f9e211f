"""Optuna's own pictures of a study, drawn from our rows.

The rows are put into an Optuna study in memory, so that the web needs no second
database and shows the same trials as the tables. Optuna is loaded with the first
picture: it takes some 50 MB that the web process can do without.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from core.errors import Permanent
from training.models import Study, Trial, TrialEpoch
from training.study_spec import Range, StudySpec

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study as OptunaStudy
    from optuna.trial import FrozenTrial

Plot = Literal[
    "history", "importances", "parallel_coordinate", "slice", "timeline", "intermediate"
]
DRAWN_BY = {
    "history": "plot_optimization_history",
    "importances": "plot_param_importances",
    "parallel_coordinate": "plot_parallel_coordinate",
    "slice": "plot_slice",
    "timeline": "plot_timeline",
    "intermediate": "plot_intermediate_values",
}
# What a picture needs before it says anything: completed trials, and parameters.
LEAST_COMPLETE = {"history": 1, "importances": 2, "parallel_coordinate": 1, "slice": 1}
OF_PARAMETERS = ("importances", "parallel_coordinate", "slice")


class TooLittleError(Permanent):
    """There is nothing to draw yet; the text says what is missing."""


def figure(study: Study, plot: Plot) -> str:
    """Return a Plotly figure as JSON, without a theme; raises ``TooLittleError``."""
    import optuna

    rows = list(Trial.objects.filter(study=study.id).order_by("number"))
    spec = StudySpec.from_dict(study.spec)
    _enough(plot, rows, spec)
    found = _in_memory(rows, spec)
    draw: Callable[[Any], Any] = getattr(optuna.visualization, DRAWN_BY[plot])
    drawn = draw(found)
    drawn.layout.template = None
    text: str = drawn.to_json()
    return text


def _enough(plot: str, rows: list[Trial], spec: StudySpec) -> None:
    complete = sum(_is_complete(row) for row in rows)
    least = LEAST_COMPLETE.get(plot, 0)
    if not rows or complete < least:
        wanted = f"{least} completed" if least else "begun"
        raise TooLittleError(f"this needs trials that are {wanted}; {complete} are")
    if plot in OF_PARAMETERS and not spec.space:
        raise TooLittleError("this study searches no parameter")


def _in_memory(rows: list[Trial], spec: StudySpec) -> "OptunaStudy":
    import optuna

    # Else every picture announces its study.
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.InMemoryStorage()
    number = storage.create_new_study([optuna.study.StudyDirection.MINIMIZE])
    study = optuna.Study(storage.get_study_name_from_id(number), storage)
    losses = _losses(row.id for row in rows)
    places = {name: _distribution(wanted) for name, wanted in spec.space.items()}
    by_number = {row.number: row for row in rows}
    for at in range(rows[-1].number + 1):
        # Optuna numbers trials without a hole; one that never began has no row.
        row = by_number.get(at)
        storage.create_new_trial(
            number,
            _unbegun(at) if row is None else _frozen(row, places, losses[row.id]),
        )
    return study


def _losses(trials: Iterable[int]) -> dict[int, dict[int, float]]:
    """Return the validation loss by trial and epoch."""
    found: dict[int, dict[int, float]] = defaultdict(dict)
    rows = TrialEpoch.objects.filter(trial__in=list(trials))
    for trial_id, epoch, loss in rows.order_by("trial_id", "epoch").values_list(
        "trial_id", "epoch", "validation_loss"
    ):
        if loss is not None:
            found[trial_id][epoch] = loss
    return found


def _is_complete(row: Trial) -> bool:
    return row.state == "complete" and row.value is not None


def _unbegun(number: int) -> "FrozenTrial":
    from optuna.trial import FrozenTrial, TrialState

    return FrozenTrial(
        number=number,
        trial_id=number,
        state=TrialState.WAITING,
        value=None,
        datetime_start=None,
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


def _frozen(
    row: Trial,
    places: "dict[str, BaseDistribution]",
    losses: dict[int, float],
) -> "FrozenTrial":
    from optuna.trial import FrozenTrial, TrialState

    states = {"pruned": TrialState.PRUNED, "running": TrialState.RUNNING}
    state = states.get(row.state, TrialState.FAIL)
    if _is_complete(row):
        state = TrialState.COMPLETE
    begun = _moment(row.started_at)
    known = {
        name: place
        for name, place in places.items()
        if name in row.params and _holds(place, row.params[name])
    }
    return FrozenTrial(
        number=row.number,
        trial_id=row.number,
        state=state,
        value=row.value if state == TrialState.COMPLETE else None,
        datetime_start=begun,
        datetime_complete=(
            None if state == TrialState.RUNNING else _moment(row.ended_at) or begun
        ),
        params={name: row.params[name] for name in known},
        distributions=known,
        user_attrs={},
        system_attrs={},
        intermediate_values=losses,
    )


def _holds(place: "BaseDistribution", value: Any) -> bool:
    """Whether a value is one that the search may take; older spaces may differ."""
    try:
        return bool(place._contains(place.to_internal_repr(value)))
    except ValueError:
        return False


def _distribution(wanted: Range) -> "BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if wanted.choices:
        return CategoricalDistribution(wanted.choices)
    low, high, step = wanted.low, wanted.high, wanted.step
    assert low is not None
    assert high is not None
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=wanted.log, step=int(step or 1))
    return FloatDistribution(low, high, log=wanted.log, step=step)


def _moment(ms: int | None) -> datetime | None:
    if ms is None:
        return None
    # Optuna's timeline compares with its own local times, which carry no zone.
    return datetime.fromtimestamp(ms / 1000, tz=UTC).astimezone().replace(tzinfo=None)
