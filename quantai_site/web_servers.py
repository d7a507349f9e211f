"""The two web servers, each imported only when it is the one."""

from typing import Literal

SERVERS = ("daphne", "uvicorn")
CLOSE_SECONDS = 2


def serve(
    server: Literal["daphne", "uvicorn"] | str,
    host: str,
    port: int,
    *,
    behind_proxy: bool,
) -> None:
    """Serve until SIGTERM or SIGINT."""
    run = _serve_uvicorn if server == "uvicorn" else _serve_daphne
    run(host, port, behind_proxy=behind_proxy)


def _serve_daphne(host: str, port: int, *, behind_proxy: bool) -> None:
    # Installs its Twisted reactor on import, so it goes first.
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server

    from quantai_site.asgi import application

    Server(
        application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        application_close_timeout=CLOSE_SECONDS,
        proxy_forwarded_address_header="X-Forwarded-For" if behind_proxy else None,
        proxy_forwarded_proto_header="X-Forwarded-Proto" if behind_proxy else None,
        server_name="",
        verbosity=0,
    ).run()


def _serve_uvicorn(host: str, port: int, *, behind_proxy: bool) -> None:
    import uvicorn

    from quantai_site.asgi import application

    uvicorn.run(
        application,
        host=host,
        port=port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        proxy_headers=behind_proxy,
        server_header=False,
        access_log=False,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=CLOSE_SECONDS,
    )
