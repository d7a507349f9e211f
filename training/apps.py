"""The training app."""

from django.apps import AppConfig

from core import topics


class TrainingConfig(AppConfig):
    """Registers the topics that browsers may hear."""

    name = "training"

    def ready(self) -> None:
        """Make the topics of training known to the hub."""
        for name in ("training", "trial"):
            topics.register(topics.TopicRule(name))
