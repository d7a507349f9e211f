"""Whether the site answers."""

import http.client

ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def reachable_host(host: str) -> str:
    """An address of this machine under which a server bound to ``host`` answers."""
    return ANY_ADDRESS.get(host.strip("[]"), host.strip("[]"))


def answers(host: str, port: int, *, as_host: str, seconds: float = 1.0) -> bool:
    """Whether ``/healthz`` says alive, asked with ``as_host`` as the site's name."""
    connection = http.client.HTTPConnection(reachable_host(host), port, timeout=seconds)
    try:
        connection.request("GET", "/healthz", headers={"Host": as_host})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
