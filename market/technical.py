"""The process's engine of indicators, as the settings want it."""

from functools import cache

from django.conf import settings

from market.indicators import EliteTechnicalEngine


@cache
def technical_engine() -> EliteTechnicalEngine:
    """Return the one engine of this process; its cache is shared by all threads."""
    wanted = settings.QUANTAI.indicator
    return EliteTechnicalEngine(
        use_talib=wanted.use_talib,
        cache_ttl=wanted.cache_ttl,
        cache_entries=wanted.cache_entries,
    )
