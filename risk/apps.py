"""The app of trading's state and limits."""

from django.apps import AppConfig


class RiskConfig(AppConfig):
    """Registers the topic that tells browsers of a change."""

    name = "risk"

    def ready(self) -> None:
        """Make the topic known to the hub."""
        from core import topics
        from risk.services import TOPIC

        topics.register(topics.TopicRule(TOPIC))
