"""``reset_password``: give a user a new generated password."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.services import password_reset
from core.logs import log_to_stderr


class Command(BaseCommand):
    help = "Set a new generated password for a user and print it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user")

    def handle(self, *, user: str, **options: Any) -> None:
        log_to_stderr()
        try:
            password = password_reset(username=user)
        except User.DoesNotExist:
            raise CommandError(f"there is no user {user!r}") from None
        self.stdout.write(password)
