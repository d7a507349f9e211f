"""Real parts around accounts: channel layer, database."""

from tests.market.conftest import database, layer

__all__ = ["database", "layer"]
