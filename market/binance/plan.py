"""Which streams go on which connection; pure."""

from collections.abc import Callable, Iterable

from market.binance.streams import (
    MINI_TICKER_ALL_STREAM,
    Route,
    StreamKind,
    book_ticker_stream,
    kline_stream,
    mark_price_all_stream,
    route,
    stream_kind,
)

COMBINED = 200


def default_streams(symbols: Iterable[str], intervals: Iterable[str]) -> list[str]:
    """Return what is always followed: klines, quotes, marks and 24-hour tickers."""
    symbols, intervals = list(symbols), list(intervals)
    klines = [kline_stream(name, each) for each in intervals for name in symbols]
    quotes = [book_ticker_stream(name) for name in symbols]
    return [*klines, mark_price_all_stream(), MINI_TICKER_ALL_STREAM, *quotes]


def capacity(name: str, streams_per_connection: int) -> int:
    """Return how many streams like ``name`` share a connection.

    Small values separate the kline streams; the others stay combined.
    """
    if stream_kind(name) is StreamKind.KLINE:
        return streams_per_connection
    return max(streams_per_connection, COMBINED)


def own_route(name: str) -> Route:
    """Return the class of path that serves the stream."""
    return route(stream_kind(name))


def shard(
    names: Iterable[str],
    streams_per_connection: int,
    where: Callable[[str], Route] = own_route,
) -> list[tuple[Route, list[str]]]:
    """Cut the streams into connections: one route each, even shares, order kept."""
    groups: dict[tuple[Route, int], list[str]] = {}
    for name in dict.fromkeys(names):
        place = (where(name), capacity(name, streams_per_connection))
        groups.setdefault(place, []).append(name)
    shards: list[tuple[Route, list[str]]] = []
    for (way, limit), members in groups.items():
        count = -(-len(members) // limit)
        size = -(-len(members) // count)
        shards += [
            (way, members[start : start + size])
            for start in range(0, len(members), size)
        ]
    return shards
