from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from market.config import MarketSettings
from market.domain.types import Instrument
from market.universe import choose, tradable


def instrument(symbol, **changes):
    values = {
        "symbol": symbol, "status": "TRADING", "contract_type": "PERPETUAL",
        "base": symbol.removesuffix("USDT"), "quote": "USDT",
    }  # fmt: skip
    values |= changes
    for name in Instrument.__struct_fields__:
        if name not in values:
            kind = Instrument.__annotations__[name]
            values[name] = Decimal(1) if "Decimal" in str(kind) else 0
    return Instrument(**values)


MARKET = [instrument(f"{letter}USDT") for letter in "ABCDEFGH"]
VOLUMES = {item.symbol: 100.0 - rank for rank, item in enumerate(MARKET)}


def chosen(market=MARKET, kept=(), **settings):
    return choose(market, VOLUMES, MarketSettings(**settings), kept=kept)


def test_the_most_traded_are_followed_in_that_order():
    assert chosen(symbols=3) == ["AUSDT", "BUSDT", "CUSDT"]


def test_a_denied_symbol_gives_its_place_to_the_next():
    assert chosen(symbols=3, symbols_deny=("busdt",)) == ["AUSDT", "CUSDT", "DUSDT"]


def test_an_allowed_symbol_is_in_whatever_its_volume_and_the_number_stays():
    assert chosen(symbols=3, symbols_allow=("HUSDT",)) == ["AUSDT", "BUSDT", "HUSDT"]


def test_what_somebody_watches_is_kept_even_beyond_the_number_and_when_denied():
    kept = ["FUSDT", "GUSDT", "HUSDT"]
    assert chosen(symbols=2, kept=kept) == kept
    assert "BUSDT" in chosen(symbols=1, kept=["BUSDT"], symbols_deny=("BUSDT",))


def test_a_delisted_symbol_is_dropped_even_when_it_is_watched_or_allowed():
    market = [
        instrument("AUSDT", status="SETTLING"),
        *MARKET[1:4],
    ]
    assert chosen(market, kept=["AUSDT", "ZUSDT"], symbols=2) == ["BUSDT", "CUSDT"]
    assert "AUSDT" not in chosen(market, symbols_allow=("AUSDT",), symbols=2)


def test_only_trading_perpetuals_in_usdt_count():
    market = [
        instrument("AUSDT"),
        instrument("BUSDT", contract_type="CURRENT_QUARTER"),
        instrument("CUSDC", quote="USDC"),
        instrument("DUSDT", status="PENDING_TRADING"),
    ]
    assert list(tradable(market)) == ["AUSDT"]


def test_a_symbol_without_a_known_volume_comes_last():
    market = [instrument("NEWUSDT"), *MARKET[:2]]
    assert chosen(market, symbols=3) == ["AUSDT", "BUSDT", "NEWUSDT"]


NAMES = [item.symbol for item in MARKET]


@given(
    st.integers(1, 8),
    st.sets(st.sampled_from(NAMES)),
    st.sets(st.sampled_from(NAMES)),
    st.sets(st.sampled_from([*NAMES, "GONEUSDT"])),
)
def test_any_lists_give_each_symbol_once_within_the_number(count, allow, deny, kept):
    allow -= deny
    result = chosen(
        symbols=count, symbols_allow=tuple(allow), symbols_deny=tuple(deny), kept=kept
    )
    forced = (allow | kept) & set(NAMES)
    assert len(result) == len(set(result))
    assert forced <= set(result)
    assert set(result) - forced == set(result) - forced - deny
    free = len(set(NAMES) - deny - forced)
    assert len(result) == max(len(forced), min(count, len(forced) + free))
    assert result == sorted(result, key=lambda name: -VOLUMES[name])
