"""The child in which a run goes on: one more process of the private installation."""

from importlib import import_module
from typing import Any

import django


def main(**arguments: Any) -> Any:
    """See ``benchmarks.soak.run.main``."""
    django.setup()
    return import_module("benchmarks.soak.run").main(**arguments)
