"""The floor below all apps."""

from django.apps import AppConfig

from core import topics


class CoreConfig(AppConfig):
    """Registers the topics that browsers may hear."""

    name = "core"

    def ready(self) -> None:
        """Make the topic of the alerts known to the hub."""
        topics.register(topics.TopicRule("alerts"))
