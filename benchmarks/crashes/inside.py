"""The child in which it goes on: one more process of the private installation."""

from importlib import import_module
from typing import Any

import django


def main(**arguments: Any) -> Any:
    """See ``benchmarks.crashes.run.main``."""
    django.setup()
    return import_module("benchmarks.crashes.run").main(**arguments)
