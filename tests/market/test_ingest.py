import logging

from hypothesis import given, settings
from hypothesis import strategies as st

from market.binance.streams import stream_kind
from market.domain.state import MarketState
from market.ingest import LOGGED_FAILURES, Ingest
from tests.market import frames

SYMBOLS = ("BTCUSDT", "ETHUSDT")


class Reader:
    """The socket's side, which obeys pauses, with the state behind."""

    def __init__(self, limit=10_000):
        self.state = MarketState()
        self.paused = 0
        self.resumed = 0
        self.ingest = Ingest(
            self.state, limit=limit, pause=self._pause, resume=self._resume
        )

    def _pause(self):
        self.paused += 1

    def _resume(self):
        self.resumed += 1

    def receive(self, raw):
        name = raw[len(b'{"stream":"') : raw.index(b'"', 11)]
        self.ingest.receive(name, stream_kind(name.decode()), raw, 7)


STEPS = st.one_of(
    st.tuples(st.just("trade"), st.sampled_from(SYMBOLS)),
    st.tuples(st.just("closed"), st.sampled_from(SYMBOLS)),
    st.tuples(st.just("live"), st.sampled_from(SYMBOLS)),
    st.tuples(st.just("quote"), st.sampled_from(SYMBOLS)),
    st.tuples(st.just("drain")),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=80))
def test_no_closed_bar_and_no_trade_is_lost_or_reordered_and_the_newest_wins(steps):
    reader = Reader(limit=10)
    bars = dict.fromkeys(SYMBOLS, 0)
    ticks = 0
    expected_bars = {symbol: [] for symbol in SYMBOLS}
    expected_trades = {symbol: [] for symbol in SYMBOLS}
    newest_quote, newest_live = {}, {}
    taken, seen = {symbol: [] for symbol in SYMBOLS}, {s: [] for s in SYMBOLS}
    apply = reader.state.apply

    def watch(event, received_ms):
        if type(event).__name__ == "Trade":
            seen[event.symbol].append(event.id)
        apply(event, received_ms)

    reader.state.apply = watch
    for step, *what in [*steps, ("drain",)]:
        ticks += 1
        if step == "drain":
            reader.ingest.drain()
            for bar in reader.state.drain_closed():
                taken[bar.symbol].append(bar.open_time)
            continue
        (symbol,) = what
        if step == "trade":
            reader.receive(frames.agg_trade(symbol, ticks))
            expected_trades[symbol].append(ticks)
        elif step == "closed":
            reader.receive(frames.kline(symbol, bars[symbol], closed=True, event=899))
            expected_bars[symbol].append(
                frames.BASE_MS + bars[symbol] * frames.QUARTER_MS
            )
            bars[symbol] += 1
            newest_live.pop(symbol, None)
        elif step == "live":
            close = f"{1 + ticks / 1000}"
            frame = frames.kline(
                symbol, bars[symbol], closed=False, event=ticks, close=close
            )
            reader.receive(frame)
            newest_live[symbol] = (bars[symbol], float(close))
        else:
            reader.receive(frames.book_ticker(symbol, ticks))
            newest_quote[symbol] = ticks
    assert taken == expected_bars
    assert seen == expected_trades
    records = reader.state.records
    assert {s: records[s].quote.update_id for s in newest_quote} == newest_quote
    for symbol, (number, close) in newest_live.items():
        live = records[symbol].bars["15m"]
        assert live.open_time == frames.BASE_MS + number * frames.QUARTER_MS
        assert live.close == close
    assert not reader.ingest.failures
    assert reader.ingest.waiting == 0
    assert reader.paused == reader.resumed


def test_when_too_much_waits_reading_pauses_once_and_goes_on_after_the_drain():
    reader = Reader(limit=100)
    for number in range(250):
        reader.receive(frames.agg_trade("BTCUSDT", number))
    assert (reader.paused, reader.resumed) == (1, 0)
    assert reader.ingest.waiting == 250
    reader.ingest.drain()
    assert (reader.paused, reader.resumed) == (1, 1)
    assert reader.state.counts.applied["Trade"] == 250


def test_newest_wins_streams_hold_one_frame_each_however_many_come():
    reader = Reader()
    for number in range(1, 5001):
        reader.receive(frames.book_ticker("BTCUSDT", number))
    assert reader.ingest.waiting == 0
    assert reader.ingest.conflated == 4999
    reader.ingest.drain()
    assert reader.state.counts.applied["Quote"] == 1
    assert reader.state.records["BTCUSDT"].quote.update_id == 5000
    assert reader.paused == 0


def test_book_diffs_are_a_chain_and_none_is_conflated():
    heard = []
    ingest = Ingest(
        MarketState(), limit=10_000, diffs=lambda diff, at: heard.append((diff, at))
    )
    name, kind = b"btcusdt@depth@100ms", stream_kind("btcusdt@depth@100ms")
    for number in range(1, 301):
        ingest.receive(name, kind, frames.depth("BTCUSDT", number), number)
    assert (ingest.waiting, ingest.conflated) == (300, 0)
    ingest.drain()
    assert [diff.last_id for diff, _ in heard] == list(range(1, 301))
    assert [at for _, at in heard] == list(range(1, 301))


def test_pauses_and_the_most_that_ever_waited_are_counted():
    reader = Reader(limit=5)
    for number in range(9):
        reader.receive(frames.agg_trade("BTCUSDT", number))
    reader.ingest.drain()
    reader.ingest.drain()
    assert (reader.ingest.pauses, reader.ingest.most_waiting) == (1, 9)


def test_of_streams_of_the_whole_market_only_followed_symbols_are_taken():
    reader = Reader()
    reader.ingest.follow(["BTCUSDT"])
    reader.receive(frames.mini_tickers("BTCUSDT", "DOGEUSDT"))
    reader.receive(frames.book_ticker("ETHUSDT", 1))
    reader.ingest.drain()
    assert set(reader.state.symbols()) == {"BTCUSDT", "ETHUSDT"}


def test_what_cannot_be_decoded_is_counted_and_not_logged_without_end(caplog):
    caplog.set_level(logging.WARNING)
    reader = Reader()
    for _ in range(3 * LOGGED_FAILURES):
        reader.ingest.receive(b"", stream_kind("x"), b"{nonsense", 7)
    reader.receive(frames.agg_trade("BTCUSDT", 1))
    reader.ingest.drain()
    assert sum(reader.ingest.failures.values()) == 3 * LOGGED_FAILURES
    assert len(caplog.records) == LOGGED_FAILURES
    assert reader.state.counts.applied["Trade"] == 1
    assert reader.ingest.frames == 3 * LOGGED_FAILURES + 1


def test_what_is_of_another_symbol_than_its_stream_is_counted_and_not_taken():
    reader = Reader()
    raw = frames.agg_trade("BTCUSDT", 1)
    reader.receive(raw)
    reader.receive(raw.replace(b'"s":"BTCUSDT"', b'"s":"NOBODYUSD_PERP"'))
    reader.ingest.drain()
    assert reader.state.symbols() == ("BTCUSDT",)
    assert reader.state.counts.skipped["Trade", "foreign"] == 1
    assert not reader.ingest.failures
