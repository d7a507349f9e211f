"""TCP ports: finding a free one, saying that one is taken."""

import socket


class PortTakenError(Exception):
    """Another program listens on the port that was asked for."""


def choose(host: str, port: int) -> int:
    """Return ``port`` when it is free, any free one for 0.

    Raises ``PortTakenError`` naming the port, or saying why it cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise PortTakenError(
                f"port {port} on {host} cannot be used: {error.strerror or error}; "
                f"choose another with --port (0 = any free one)"
            ) from error
        return int(probe.getsockname()[1])


def listening(port: int) -> bool:
    """Whether something on this machine accepts connections on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True
