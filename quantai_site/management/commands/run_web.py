"""``run_web``: the web server, daphne or uvicorn."""

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from accounts.keys import MasterKeyProblem, check_master_key
from quantai_site import web_servers

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Serve pages, REST and browser sockets."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        site = settings.QUANTAI.site
        parser.add_argument("--host", default=site.host)
        parser.add_argument("--port", type=int, default=site.port)
        parser.add_argument("--web", choices=web_servers.SERVERS, default=site.web)

    def handle(self, *, host: str, port: int, web: str, **options: Any) -> None:
        _check_master_key()
        web_servers.serve(
            web, host, port, behind_proxy=settings.QUANTAI.site.trust_proxy_headers
        )


def _check_master_key() -> None:
    """A wrong key stops the start; a database that is away for a moment does not."""
    try:
        check_master_key()
    except MasterKeyProblem as error:
        raise CommandError(str(error), returncode=2) from error
    except DatabaseError as error:
        log.warning("the master key could not be checked: %s", error)
    finally:
        connection.close()
