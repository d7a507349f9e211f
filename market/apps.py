"""The market app."""

import time

from django.apps import AppConfig

from core import topics


class MarketConfig(AppConfig):
    """Registers the topics that browsers may hear."""

    name = "market"

    def ready(self) -> None:
        """Make the market's topics known to the hub."""
        for name in ("quotes", "connections", "feed", "events", "signals", "scan"):
            topics.register(topics.TopicRule(name))
        topics.register(topics.TopicRule("symbol", watched=_declare_interest))


async def _declare_interest(topic: str) -> None:
    """Somebody looks at a symbol: the feed then follows its book and trades."""
    from django.conf import settings

    from core.redis import client
    from market import services

    quantai = settings.QUANTAI
    redis = client()
    try:
        await services.interest_declare(
            redis,
            venue=quantai.site.exchange,
            symbol=topic.partition(":")[2],
            seconds=quantai.market.interest_seconds,
            now_ms=time.time_ns() // 1_000_000,
        )
    finally:
        await redis.aclose()
