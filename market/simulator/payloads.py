"""Stream payloads as JSON text, key order as on the live wire.

``generation`` 2026 carries the newer fields (``nq``, ``ps``, ``st``, ``ap``, ``E`` of a
book ticker); 2021 leaves them out. Numbers are written at the symbol's precision.
"""

from collections.abc import Iterable, Sequence

from market.simulator.contracts import FOREVER_MS
from market.simulator.derivatives import Liquidation
from market.simulator.prices import EPOCH_MS
from market.simulator.symbols import Symbol, float_writer
from market.simulator.trades import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    TAKER_VALUE,
    TAKER_VOLUME,
    VALUE,
    VOLUME,
)


class SymbolText:
    """The parts of a symbol's payloads that never change."""

    def __init__(self, symbol: Symbol) -> None:
        self.symbol = symbol
        self.name = symbol.name
        self.price = float_writer(symbol.price_decimals)
        self.quantity = float_writer(symbol.quantity_decimals)
        self.value = symbol.value_text
        self.scale = float(10**symbol.price_decimals)


class Payloads:
    """Writes the payloads of one generation."""

    def __init__(self, generation: int, symbols: Sequence[Symbol]) -> None:
        self.modern = generation >= 2026
        self.texts = [SymbolText(symbol) for symbol in symbols]
        self._end = ',"st":1}' if self.modern else "}"

    def book_ticker(
        self, rank: int, update: int, top: Sequence[int], time: int, event: int
    ) -> str:
        """``top`` is bid, bid size, ask, ask size."""
        text = self.texts[rank]
        price, quantity = text.price, text.quantity
        levels = (
            f'"b":"{price(top[0])}","B":"{quantity(top[1])}",'
            f'"a":"{price(top[2])}","A":"{quantity(top[3])}"'
        )
        if self.modern:
            return (
                f'{{"e":"bookTicker","u":{update},"s":"{text.name}","ps":"{text.name}",'
                f'{levels},"T":{time},"E":{event},"st":1}}'
            )
        return (
            f'{{"e":"bookTicker","u":{update},"s":"{text.name}",'
            f'{levels},"T":{time},"E":{event}}}'
        )

    def candle(
        self,
        rank: int,
        interval: str,
        times: tuple[int, int],
        row: Sequence[int],
        ids: tuple[int, int],
        *,
        closed: bool,
        named: bool = True,
    ) -> str:
        """The ``k`` object. ``times`` open and close, ``ids`` first trade and count."""
        text = self.texts[rank]
        price, quantity, value = text.price, text.quantity, text.value
        name = f'"s":"{text.name}",' if named else ""
        first, count = ids
        last = first + count - 1 if count else -1
        return (
            f'{{"t":{times[0]},"T":{times[1]},{name}"i":"{interval}",'
            f'"f":{first if count else -1},"L":{last},'
            f'"o":"{price(row[OPEN])}","c":"{price(row[CLOSE])}",'
            f'"h":"{price(row[HIGH])}","l":"{price(row[LOW])}",'
            f'"v":"{quantity(row[VOLUME])}","n":{count},'
            f'"x":{"true" if closed else "false"},"q":"{value(row[VALUE])}",'
            f'"V":"{quantity(row[TAKER_VOLUME])}","Q":"{value(row[TAKER_VALUE])}",'
            f'"B":"0"}}'
        )

    def kline(self, rank: int, event: int, candle: str) -> str:
        name = self.texts[rank].name
        return f'{{"e":"kline","E":{event},"s":"{name}","k":{candle}{self._end}'

    def continuous_kline(self, rank: int, event: int, candle: str) -> str:
        name = self.texts[rank].name
        return (
            f'{{"e":"continuous_kline","E":{event},"ps":"{name}","ct":"PERPETUAL",'
            f'"k":{candle}{self._end}'
        )

    def agg_trade(
        self, rank: int, event: int, trade: tuple[int, int, int, int, bool]
    ) -> str:
        """``trade`` is id, price, quantity, time, buyer is maker."""
        text = self.texts[rank]
        number, price, quantity, time, maker = trade
        size = text.quantity(quantity)
        extra = f'"nq":"{size}",' if self.modern else ""
        return (
            f'{{"e":"aggTrade","E":{event},"a":{number},"s":"{text.name}",'
            f'"p":"{text.price(price)}","q":"{size}",{extra}'
            f'"f":{number},"l":{number},"T":{time},"m":{_bool(maker)}{self._end}'
        )

    def trade(
        self, rank: int, event: int, trade: tuple[int, int, int, int, bool]
    ) -> str:
        text = self.texts[rank]
        number, price, quantity, time, maker = trade
        return (
            f'{{"e":"trade","E":{event},"T":{time},"s":"{text.name}","t":{number},'
            f'"p":"{text.price(price)}","q":"{text.quantity(quantity)}",'
            f'"X":"MARKET","m":{_bool(maker)}{self._end}'
        )

    def no_trade(self, rank: int, event: int, number: int) -> str:
        """The frame with ``X`` NA and zeros that the exchange sends now and then."""
        return (
            f'{{"e":"trade","E":{event},"T":{event - 1},"s":"{self.texts[rank].name}",'
            f'"t":{number},"p":"0","q":"0","X":"NA","m":true{self._end}'
        )

    def mark_price(
        self, rank: int, event: int, marks: tuple[float, float, float], funding: int
    ) -> str:
        """``marks`` is mark price, index price, funding rate."""
        mark, index, rate = marks
        average = f'"ap":"{mark:.8f}",' if self.modern else ""
        return (
            f'{{"e":"markPriceUpdate","E":{event},"s":"{self.texts[rank].name}",'
            f'"p":"{mark:.8f}",{average}"P":"{mark:.8f}","i":"{index:.8f}",'
            f'"r":"{rate:.8f}","T":{funding}{self._end}'
        )

    def mini_ticker(self, rank: int, event: int, last: int, row: Sequence[int]) -> str:
        text = self.texts[rank]
        price = text.price
        return (
            f'{{"e":"24hrMiniTicker","E":{event},"s":"{text.name}",'
            f'"c":"{price(last)}","o":"{price(row[OPEN])}","h":"{price(row[HIGH])}",'
            f'"l":"{price(row[LOW])}","v":"{text.quantity(row[VOLUME])}",'
            f'"q":"{text.value(row[VALUE])}"{self._end}'
        )

    def ticker(
        self,
        rank: int,
        event: int,
        last: tuple[int, int],
        row: Sequence[int],
        window: tuple[int, int, int, int, int],
    ) -> str:
        """``last`` price and quantity; ``window`` O, C, first id, last id, count."""
        text = self.texts[rank]
        price, opened = text.price, row[OPEN]
        start, end, first, newest, count = window
        average = row[VALUE] // row[VOLUME] if row[VOLUME] else last[0]
        return (
            f'{{"e":"24hrTicker","E":{event},"s":"{text.name}",'
            f'"p":"{price(last[0] - opened)}",'
            f'"P":"{(last[0] - opened) / opened * 100:.3f}","w":"{price(average)}",'
            f'"c":"{price(last[0])}","Q":"{text.quantity(last[1])}",'
            f'"o":"{price(opened)}","h":"{price(row[HIGH])}","l":"{price(row[LOW])}",'
            f'"v":"{text.quantity(row[VOLUME])}","q":"{text.value(row[VALUE])}",'
            f'"O":{start},"C":{end},"F":{first},"L":{newest},"n":{count}{self._end}'
        )

    def depth(
        self,
        rank: int,
        times: tuple[int, int],
        ids: tuple[int, int, int],
        bids: Iterable[tuple[int, int]],
        asks: Iterable[tuple[int, int]],
    ) -> str:
        """``times`` E and T; ``ids`` U, u, pu."""
        text = self.texts[rank]
        extra = f',"ps":"{text.name}","st":1}}' if self.modern else "}"
        return (
            f'{{"e":"depthUpdate","E":{times[0]},"T":{times[1]},"s":"{text.name}",'
            f'"U":{ids[0]},"u":{ids[1]},"pu":{ids[2]},'
            f'"b":[{self.levels(rank, bids)}],"a":[{self.levels(rank, asks)}]{extra}'
        )

    def levels(self, rank: int, pairs: Iterable[tuple[int, int]]) -> str:
        text = self.texts[rank]
        price, quantity = text.price, text.quantity
        return ",".join(f'["{price(p)}","{quantity(q)}"]' for p, q in pairs)

    def force_order(self, event: int, order: Liquidation) -> str:
        text = self.texts[order.rank]
        size = text.quantity(order.quantity)
        extra = f',"ps":"{text.name}","st":1' if self.modern else ""
        return (
            f'{{"e":"forceOrder","E":{event},"o":{{"s":"{text.name}",'
            f'"S":"{order.side}","o":"LIMIT","f":"IOC","q":"{size}",'
            f'"p":"{text.price(order.price)}","ap":"{text.price(order.average_price)}",'
            f'"X":"FILLED","l":"{size}","z":"{size}","T":{order.time_ms}{extra}}}}}'
        )

    def contract_info(
        self, rank: int, event: int, status: str, delivery: int | None
    ) -> str:
        name = self.texts[rank].name
        return (
            f'{{"e":"contractInfo","E":{event},"s":"{name}","ps":"{name}",'
            f'"ct":"PERPETUAL","dt":{FOREVER_MS if delivery is None else delivery},'
            f'"ot":{EPOCH_MS},"cs":"{status}","bks":[{{"bs":1,"bnf":0,"bnc":5000,'
            f'"mmr":0.01,"cf":0,"mi":21,"ma":50}}]{self._end}'
        )


def _bool(value: bool) -> str:  # noqa: FBT001
    return "true" if value else "false"
