"""An address on this machine that lets every connection wait for ever."""

import contextlib
import socket


@contextlib.contextmanager
def deaf_address(host="127.0.0.1"):
    """Yield the (host, port) of a listener whose queue is full: it drops each SYN."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket(family))
        listener.bind((host, 0))
        listener.listen(0)
        address = listener.getsockname()[:2]
        for _ in range(3):
            waiting = held.enter_context(socket.socket(family))
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(address)
        yield address


def address_info(host, port):
    """What the resolver says of an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))
