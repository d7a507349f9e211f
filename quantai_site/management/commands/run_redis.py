"""``run_redis``: the embedded Redis server in the foreground."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from quantai_site import embedded_redis


class Command(BaseCommand):
    help = "Run the embedded Redis server on its unix socket."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        try:
            command = embedded_redis.command(settings.QUANTAI.site)
        except embedded_redis.RedisUnavailableError as error:
            raise CommandError(str(error)) from error
        os.execv(command[0], command)
