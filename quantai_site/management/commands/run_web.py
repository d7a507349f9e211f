"""``run_web``: the web server, daphne or uvicorn."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from quantai_site import web_servers


class Command(BaseCommand):
    help = "Serve pages, REST and browser sockets."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        site = settings.QUANTAI.site
        parser.add_argument("--host", default=site.host)
        parser.add_argument("--port", type=int, default=site.port)
        parser.add_argument("--web", choices=web_servers.SERVERS, default=site.web)

    def handle(self, *, host: str, port: int, web: str, **options: Any) -> None:
        web_servers.serve(
            web, host, port, behind_proxy=settings.QUANTAI.site.trust_proxy_headers
        )
