"""``api_token``: make a token for a program."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.services import token_create
from core.access import Scope
from core.logs import log_to_stderr


class Command(BaseCommand):
    help = "Print a new API token of a user, alone on its line; it is shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user")
        parser.add_argument("--scope", choices=list(Scope), default=Scope.READ.value)
        parser.add_argument("--days", type=int, help="days until it expires")

    def handle(
        self, *, user: str, scope: str, days: int | None, **options: Any
    ) -> None:
        log_to_stderr()
        if days is not None and days < 1:
            raise CommandError(f"--days {days}: must be at least 1")
        owner = User.objects.filter(username=user, is_active=True).first()
        if owner is None:
            raise CommandError(f"there is no active user {user!r}")
        _, text = token_create(user=owner, scope=Scope(scope), days=days)
        self.stdout.write(text)
