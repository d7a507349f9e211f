"""From the records of an epoch's batches to runs, events and a summary. No tensors."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from training.engine import advice
from training.engine.results import (
    EventKind,
    OutputStatistics,
    ScaleEvent,
    ScaleRun,
    ScaleSummary,
)
from training.engine.scale_policy import ScalePolicy, halved

LISTED_OVERFLOWS = 200


@dataclass(frozen=True)
class BatchRecord:
    """One batch: the scale its update left, whether its step was skipped, the norm of
    its gradients (unscaled, before clipping) and statistics of the model's output.
    """

    scale: float
    overflow: bool
    gradient_norm: float
    output: OutputStatistics


class ScaleReporter:
    """Tells the story of one run, epoch by epoch; ``scale`` is the newest one."""

    def __init__(self, policy: ScalePolicy, *, growth_interval: int) -> None:
        self.policy = policy
        self.scale = policy.init_scale
        self.batch = 0
        self._interval = growth_interval
        # Of overflows in a row, for people: it goes on over an extra halving.
        self.overflow_streak = 0

    def epoch(
        self, epoch: int, records: Sequence[BatchRecord]
    ) -> tuple[ScaleSummary, float | None]:
        """Return the epoch's summary and the scale to reset to, if any."""
        events: list[ScaleEvent] = []
        first, entered = self.batch, self.scale
        scales = [record.scale for record in records]
        overflows = listed = 0
        for record in records:
            found = list(self._batch(epoch, record))
            if record.overflow:
                overflows += 1
                if overflows > LISTED_OVERFLOWS:
                    found = [one for one in found if one.kind != "overflow"]
                else:
                    listed = len(events)
            events += found
            self.batch += 1
        if overflows > LISTED_OVERFLOWS:
            events[listed] = _with_more(events[listed], overflows - LISTED_OVERFLOWS)
        reset_to = None
        if records:
            reset_to, ending = self._end(epoch, first, entered, scales)
            events += ending
        held = scales or [entered]
        summary = ScaleSummary(
            first=held[0],
            last=held[-1],
            minimum=min(held),
            maximum=max(held),
            mean=math.fsum(held) / len(held),
            overflows=overflows,
            growths=sum(one.kind == "growth" for one in events),
            halvings=sum(one.kind == "halving" for one in events),
            resets=int(reset_to is not None),
            runs=runs(first, scales),
            events=tuple(events),
        )
        if reset_to is not None:
            self.scale = reset_to
        return summary, reset_to

    def _batch(self, epoch: int, record: BatchRecord) -> Iterator[ScaleEvent]:
        before, after = self.scale, record.scale
        self.scale = after
        self.overflow_streak = self.overflow_streak + 1 if record.overflow else 0
        halve = self.policy.observe(overflow=record.overflow, scale_before=before)
        if record.overflow:
            text = advice.overflow(
                batch=self.batch,
                before=before,
                after=after,
                streak=self.overflow_streak,
                output=record.output,
            )
            yield self._event(epoch, "overflow", before, after, text, record)
        elif after > before:
            text = advice.growth(before=before, after=after, interval=self._interval)
            yield self._event(epoch, "growth", before, after, text, record)
        if halve:
            limit = self.policy.overflow_limit
            once = halved(before)
            text = advice.halving(before=once, after=after, limit=limit)
            yield self._event(epoch, "halving", before, after, text, record)
        if self.policy.floor_streak == self.policy.overflow_limit:
            text = advice.floor(limit=self.policy.overflow_limit)
            yield self._event(epoch, "floor", before, after, text, record)

    def _event(
        self,
        epoch: int,
        kind: EventKind,
        before: float,
        after: float,
        text: str,
        record: BatchRecord,
    ) -> ScaleEvent:
        norm = record.gradient_norm
        return ScaleEvent(
            epoch=epoch,
            batch=self.batch,
            kind=kind,
            before=before,
            after=after,
            advice=text,
            gradient_norm=norm if math.isfinite(norm) else None,
            output=record.output,
        )

    def _end(
        self, epoch: int, first: int, entered: float, scales: Sequence[float]
    ) -> tuple[float | None, list[ScaleEvent]]:
        """Apply the rules of an epoch's end."""
        policy, events = self.policy, []
        limit = policy.max_scale
        above = next((at for at, scale in enumerate(scales) if scale > limit), None)
        if above is not None:
            text = advice.above_max(scale=max(scales), limit=limit)
            events.append(
                ScaleEvent(
                    epoch=epoch,
                    batch=first + above,
                    kind="above_max",
                    before=scales[above - 1] if above else entered,
                    after=scales[above],
                    advice=text,
                )
            )
        last = scales[-1]
        if not policy.end_epoch(last):
            return None, events
        reset_to = policy.reset_scale(last)
        text = advice.reset(
            before=last, after=reset_to, epochs=policy.reset_epochs, limit=limit
        )
        events.append(
            ScaleEvent(
                epoch=epoch,
                batch=first + len(scales) - 1,
                kind="reset",
                before=last,
                after=reset_to,
                advice=text,
            )
        )
        return reset_to, events


def runs(first_batch: int, scales: Sequence[float]) -> tuple[ScaleRun, ...]:
    """Return the scales as runs of equal ones; ``expand`` gives them back."""
    found: list[ScaleRun] = []
    begun = 0
    for at in range(1, len(scales) + 1):
        if at == len(scales) or scales[at] != scales[begun]:
            found.append(ScaleRun(first_batch + begun, at - begun, scales[begun]))
            begun = at
    return tuple(found)


def expand(found: Sequence[ScaleRun]) -> list[float]:
    """Return the scale of every batch."""
    return [run.scale for run in found for _ in range(run.count)]


def joined(found: Sequence[ScaleRun]) -> list[ScaleRun]:
    """Join runs of equal scale that follow each other, as at the ends of epochs."""
    whole: list[ScaleRun] = []
    for run in found:
        last = whole[-1] if whole else None
        if (
            last is not None
            and last.scale == run.scale
            and last.first_batch + last.count == run.first_batch
        ):
            whole[-1] = ScaleRun(last.first_batch, last.count + run.count, run.scale)
        else:
            whole.append(run)
    return whole


def _with_more(event: ScaleEvent, count: int) -> ScaleEvent:
    return replace(event, advice=event.advice + advice.unlisted(count))
