"""The ``Retry-After`` header, which the exchange gives in seconds."""


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds to wait, or None when the header is absent or no number."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
