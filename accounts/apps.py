"""The app of people, exchange accounts and orders."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the topics that browsers may hear."""

    name = "accounts"

    def ready(self) -> None:
        """Make the topics of accounts known to the hub."""
        from accounts.live import topics_register

        topics_register()
