"""What a fault strikes: connections, streams and requests that its selectors name."""

from fnmatch import fnmatchcase
from functools import lru_cache

from market.simulator.faults.fault import Fault
from market.simulator.hub import Connection
from market.simulator.streams import parse_stream


@lru_cache(maxsize=4096)
def symbol_of(stream: str) -> str:
    """Upper-case symbol of a stream name; empty when it has none."""
    name = parse_stream(stream)
    return name.symbol if name else stream.partition("@")[0].upper()


def strikes_socket(fault: Fault, connection: Connection) -> bool:
    """Whether number and route are the fault's."""
    if fault.connection not in (None, connection.number):
        return False
    return fault.route in (None, connection.carries)


def strikes_stream(fault: Fault, stream: str) -> bool:
    if fault.stream is not None and not fnmatchcase(stream, fault.stream):
        return False
    return fault.symbol in (None, symbol_of(stream))


def strikes_connection(fault: Fault, connection: Connection) -> bool:
    """Whether the socket is the fault's and carries a stream that it names."""
    if not strikes_socket(fault, connection):
        return False
    if fault.stream is None and fault.symbol is None:
        return True
    return any(strikes_stream(fault, name) for name in connection.names)


def strikes_request(fault: Fault, path: str, symbol: str) -> bool:
    if fault.path is not None and not fnmatchcase(path, fault.path):
        return False
    return fault.symbol in (None, symbol.upper())
