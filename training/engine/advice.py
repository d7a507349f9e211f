"""One sentence or two per event: what happened and what to try."""

from training.engine.results import OutputStatistics

WARM_UP_BATCHES = 100


def overflow(
    *,
    batch: int,
    before: float,
    after: float,
    streak: int,
    output: OutputStatistics,
) -> str:
    """Of a skipped step; ``streak`` counts it and the overflows just before it."""
    if output.nonfinite_share > 0:
        return (
            f"{output.nonfinite_share:.1%} of the model's own outputs are no numbers: "
            "the forward pass leaves fp16's range and no scale helps. Lower the learning "
            "rate, clip gradients, look at the data of this batch, or use bf16."
        )
    fell = f"the step was skipped and the scale went from {before:g} to {after:g}"
    if streak >= 3:
        return (
            f"Overflow {streak} times in a row; {fell}. If it goes on, lower the "
            "learning rate or clip gradients harder."
        )
    if batch < WARM_UP_BATCHES:
        return (
            f"Ordinary at the start: the scaler looks for the largest scale that the "
            f"gradients bear; {fell}. Nothing to do."
        )
    return (
        f"A gradient left fp16's range; {fell}. Now and then this is how the scaler "
        "finds its limit; above about 1 % of the batches lower the learning rate or "
        "raise the growth interval."
    )


def growth(*, before: float, after: float, interval: int) -> str:
    """Of a growth after enough clean steps."""
    return (
        f"{interval} clean steps in a row: the scale grew from {before:g} to {after:g} "
        "to use more of fp16's range. Nothing to do."
    )


def halving(*, before: float, after: float, limit: int) -> str:
    """Of the extra halving."""
    return (
        f"{limit} overflows in a row: the scale was halved once more, from {before:g} "
        f"to {after:g}. When this repeats, the gradients grow: lower the learning rate, "
        "clip harder, or use bf16."
    )


def above_max(*, scale: float, limit: float) -> str:
    """Of the first batch of an epoch above the maximum."""
    return (
        f"The scale {scale:g} is above {limit:g}. Small healthy networks settle there; "
        "when the loss stands still as well, the gradients are nearly nothing: normalise "
        "the loss (gmadl_normalised instead of gmadl) or raise GRAD_SCALER_MAX_SCALE."
    )


def reset(*, before: float, after: float, epochs: int, limit: float) -> str:
    """Of a reset at an epoch's end."""
    return (
        f"{epochs} epochs in a row ended above {limit:g}: the scale was reset from "
        f"{before:g} to {after:g}. It costs nothing; when it returns each time, the "
        "gradients are small: normalise the loss or raise GRAD_SCALER_MAX_SCALE."
    )


def floor(*, limit: int) -> str:
    """Of the end at the floor."""
    return (
        f"{limit} overflows in a row at the smallest scale of 1: the gradients "
        "themselves leave fp16's range, so the trial ends. Lower the learning rate, clip "
        "gradients, check the data for outliers, or use bf16 or fp32."
    )


def unlisted(count: int) -> str:
    """Appended to the last overflow that is listed of an epoch."""
    return f" {count} more overflows of this epoch are in the scale's runs only."
