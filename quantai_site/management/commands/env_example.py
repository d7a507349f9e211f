"""``env_example``: write ``.env.example`` from the settings' classes."""

from typing import Any

from django.core.management.base import BaseCommand

from quantai_site import env_example


class Command(BaseCommand):
    help = "Write .env.example."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        env_example.PATH.write_text(env_example.text(), encoding="utf-8")
        self.stdout.write(f"wrote {env_example.PATH}")
