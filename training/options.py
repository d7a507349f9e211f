"""What the form of a study offers: features, symbols, files, defaults, what can be searched."""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from django.conf import settings

from core.errors import InvalidInput
from market.domain.candles import INTERVAL_MS
from market.models import Series
from training.features import DEFAULT, FEATURES
from training.study_spec import SEARCHABLE, StudySpec, field_type

KINDS = {int: "integer", float: "number", bool: "boolean", str: "text"}


def options(*, venue: str) -> dict[str, Any]:
    """Return the choices; ``sources`` are the candle files that REST may name."""
    stored = Series.objects.filter(venue=venue).order_by("symbol", "interval")
    series: dict[str, list[str]] = {}
    for symbol, interval in stored.values_list("symbol", "interval"):
        series.setdefault(symbol, []).append(interval)
    defaults = StudySpec().to_dict()
    return {
        "venue": venue,
        "features": [{"name": one.name, "text": one.text} for one in FEATURES.values()],
        "default_features": list(DEFAULT),
        "intervals": list(INTERVAL_MS),
        "symbols": list(series),
        "series": series,
        "sources": _sources(),
        "source_folder": str(source_folder()),
        "searchable": {
            f"{section}.{name}": _parameter(section, name, defaults)
            for section, names in SEARCHABLE.items()
            for name in names
        },
        "spec": defaults,
    }


def _parameter(section: str, name: str, defaults: dict[str, Any]) -> dict[str, Any]:
    kind = field_type(f"{section}.{name}")
    owner = defaults["train"]["loss"] if section == "loss" else defaults[section]
    words = list(get_args(kind)) if get_origin(kind) is Literal else None
    return {
        "default": owner[name],
        "kind": "text" if words else KINDS[kind],
        "choices": [True, False] if kind is bool else words,
    }


def source_folder() -> Path:
    """Return the folder below which candle files may be named over REST."""
    return settings.QUANTAI.site.var / "candles"


def _sources() -> list[str]:
    folder = source_folder()
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in found)


def source_path(name: str) -> str:
    """Return the path of a file below the folder; raises ``InvalidInput``.

    Whoever may ask over the net may not read the rest of the machine.
    """
    folder = source_folder().resolve()
    try:
        path = (folder / name).resolve()
        found = path.is_relative_to(folder) and path.is_file()
    except (OSError, ValueError):  # too long, or with a NUL
        found = False
    if not found:
        raise InvalidInput("source", name, f"must be a file in {folder}")
    return str(path)
