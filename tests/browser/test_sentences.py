"""Every sentence that the server writes for people has its Chinese."""

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from accounts.domain import key_check, modes
from accounts.domain.distribution import Participant, distribute
from accounts.domain.rules import SymbolRules
from core.errors import InvalidInput
from core.told import SLOT, Sentences
from market.domain.kept_book import Loss
from market.indicators import EliteTechnicalEngine
from market.indicators.result import WORDS
from market.patterns.types import Pattern, PatternKind
from market.scanner.factors import factors_of
from market.scanner.inputs import ScanInputs
from risk.domain import gate
from tests.flows.running import ROOT
from tests.market.indicators.series import invented
from tests.sentences import all_written
from training.engine import advice
from training.engine.results import OutputStatistics
from training.features import FEATURES

LIST = ROOT / "static" / "js" / "strings" / "zh-hans-sentences.json"
GROUPS = json.loads(LIST.read_text(encoding="utf-8"))
CHINESE = Sentences(GROUPS)
# Three words in a row: names and the words of other programs are shorter.
ENGLISH = re.compile(r"[A-Za-z']{2,} [a-z']{2,} [a-z']{2,}")
# A code before the words of an answer, as in "no_data: nobody looks at it".
CODE = re.compile(r"^[a-z]+(_[a-z]+)+: ")
# Said by others: names of forms, values, the exchange, libraries that check requests.
OTHERS = frozenset({"forms", "fields", "words", "requests", "exchange"})
# Parts of sentences, and texts that the source puts together out of our reach.
PIECES = frozenset(
    {
        *(
            "without a close frame",
            "it is closed",
            "reconnecting",
            "started",
            "stopped",
        ),
        *("{unit} since the epoch and dates in UTC unless they name an offset",),
        *(
            "dates in UTC unless they name an offset",
            "{file}: … and {count} more; in all {rest}",
        ),
        "{file}: {place} {n}: {column} = {value}: {rule}",
        *("{n} completed", "begun", "train", "validation", "test", "passed"),
    }
)


def english_left(text):
    """What of a sentence stays English, None when all of it is known."""
    own = CHINESE.told(text)
    untold = own == text and re.search("[a-z]{2}", text)
    return own if untold or ENGLISH.search(own) else None


def explanations():
    """What factors say, of everything that may be known or not."""
    found = EliteTechnicalEngine(use_talib=False).calculate_bars(invented(3, 120))[0]
    for volume, bid, funding, premium, forecast in product(
        (None, 0.0, 8.0), (None, 2.0), (None, 1e-4), (None, -2e-3), (None, 0.01)
    ):
        inputs = ScanInputs(
            found,
            volume=volume,
            taker_base=None if volume is None else volume / 2,
            bid_quantity=bid,
            ask_quantity=bid,
            funding_rate=funding,
            mark_premium=premium,
            forecast=forecast,
        )
        yield from (factor.explanation for factor in factors_of(inputs))


def advices():
    """What is said of a mark of the scale, of each kind."""
    well, ill = OutputStatistics(0, 1, 0.5, 0), OutputStatistics(0, 1, 0.5, 0.25)
    for batch, streak, output in product((3, 900), (1, 3), (well, ill)):
        text = advice.overflow(
            batch=batch, before=65536, after=32768, streak=streak, output=output
        )
        yield text
        yield text + advice.unlisted(7)
    yield advice.growth(before=1024.5, after=1229, interval=2000)
    yield advice.halving(before=2048, after=1024, limit=5)
    yield advice.above_max(scale=2e5, limit=1e5)
    yield advice.reset(before=2e5, after=32768, epochs=3, limit=1e5)
    yield advice.floor(limit=5)


def refusals():
    """What the gate says of an order that breaks its rules, one by one and together."""
    account = gate.AccountState(
        "alpha",
        enabled=False,
        reconciled=False,
        can_trade=False,
        mode_refusal="TRADING_MODE is not live",
    )
    for state, quote, limits in product(
        gate.STATES,
        (
            gate.QuoteAge(None, None),
            gate.QuoteAge(Decimal("60123.45"), 7.25),
        ),
        (gate.Limits(), gate.Limits(max_notional=Decimal("0.5"))),
    ):
        verdict = gate.judge(
            gate.OrderIntent("BTCUSDT", Decimal(3), may_trade=False),
            account=account,
            quote=quote,
            state=state,
            limits=limits,
        )
        texts = [reason.text for reason in verdict.reasons]
        yield from texts
        yield "; ".join(texts)
        yield "unwound, because: " + "; ".join(texts)


def shares():
    """Why accounts get nothing."""
    rules = SymbolRules(
        "BTCUSDT",
        tick=Decimal("0.1"),
        step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(100),
    )
    people = [
        Participant("rich", weight=Decimal(9), free_margin=Decimal(10**6)),
        Participant("small", weight=Decimal("0.01"), free_margin=Decimal(10**6)),
        Participant("poor"),
        Participant("nearly", free_margin=Decimal(90)),
        Participant("idle", weight=Decimal(0), free_margin=Decimal(10)),
    ]
    for only in (False, True):
        found = distribute(
            quantity=Decimal("0.01"),
            price=Decimal(60_000),
            participants=people,
            rules=rules,
            reduce_only=only,
        )
        yield from (one.reason for one in found.shares if one.reason)
    for quantity, price in (
        ("0.0005", "60000"),
        ("0.001", "60000"),
        ("0.001", "60000.05"),
        ("-1", "60000"),
    ):
        try:
            rules.check(Decimal(quantity), Decimal(price), reduce_only=False)
        except InvalidInput as error:
            yield str(error)
            yield error.rule


def keys_and_modes():
    """Why an account must not trade, and what is found about its key."""
    for _, decided in modes.truth_table():
        if decided.reason:
            yield decided.reason
    switches = (False, True)
    for told, trade, hedge in product(switches, switches, switches):
        restrictions = key_check.Restrictions(
            reading=told,
            futures=told,
            withdrawals=told,
            transfers=told,
            ip_restricted=told,
            expires_at=key_check.DAY_MS if told else None,
        )
        answer = key_check.Answer(restrictions, can_trade=trade, hedge=hedge)
        for now in (0, 2 * key_check.DAY_MS):
            verdict = key_check.judge(
                answer, wanted_hedge=False, now_ms=now, real_money=True
            )
            yield from (one.text for one in verdict.findings)
    nothing = key_check.Answer()
    for answer in (nothing, key_check.Answer(refusal="API-key format invalid.")):
        verdict = key_check.judge(answer, wanted_hedge=True, now_ms=0, real_money=True)
        yield from (one.text for one in verdict.findings)


def losses():
    """Why connections were lost, books were doubted, and what comes back."""
    yield from (f"BTCUSDT, ETHUSDT and 3 more: {loss}" for loss in Loss)
    for kind in PatternKind:
        yield Pattern(
            *(kind, 60.0, 5.0, 9, 24, 0.31, 2e-9, 86_400.0, 3600.0),
            times=(1,),
            connections=("market-1",),
        ).summary()
    yield "market-1: closed by the exchange with 1006 without a close frame (EOFError: unexpected end)"
    yield "handshake refused with HTTP 403 <html>"
    yield "12 dials without data; the last: no pong within 10 s of a ping"


class Asked(BaseModel):
    """A request with one field of every kind that requests have."""

    model_config = ConfigDict(extra="forbid")

    whole: Annotated[int, Field(ge=1, le=9)] = 1
    share: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.5
    exact: Annotated[Decimal, Field(max_digits=6, decimal_places=2)] = Decimal(1)
    text: Annotated[str, Field(min_length=2, max_length=3, pattern="^a")] = "ab"
    choice: Literal["BUY", "SELL"] = "BUY"
    switch: bool = True
    names: Annotated[list[str], Field(min_length=1, max_length=2)] = ["a"]
    facts: dict[str, int] = {}
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    day: date = date(2026, 1, 1)
    number: UUID = UUID(int=1)


def checks_of_requests():
    """What is said of values of a request that are of the wrong kind or size."""
    wrong = {
        "whole": ("x", 1.5, None, 0, 10),
        "share": ("x", None, 0, 1, float("nan")),
        "exact": ("x", None, "1.234", "12345678", "12345.6", "NaN"),
        "text": (1, "a", "abcd", "xy"),
        "choice": ("HOLD", 1),
        "switch": ("maybe", 7.5, None),
        "names": ("a", [], ["a", "b", "c"], None),
        "facts": (1,),
        "at": ("yesterday", [], "2026-13-01"),
        "day": ("yesterday", [], "2026-13-01"),
        "number": ("x", 1),
        "unheard_of": (1,),
    }
    for name, values in wrong.items():
        for value in values:
            try:
                Asked.model_validate({name: value})
            except ValidationError as error:
                yield from (one["msg"] for one in error.errors())
            else:
                raise AssertionError(f"{name} took {value!r}")
    try:
        create_model("Needed", symbol=(str, ...)).model_validate({})
    except ValidationError as error:
        yield error.errors()[0]["msg"]


def refused_fields():
    """A rule behind its field and the value that breaks it."""
    for rule in (
        "must be a multiple of 0.001",
        "is worth 60 at 60000; the least is 100",
    ):
        yield str(InvalidInput("quantity", Decimal("0.0005"), rule))


@pytest.mark.parametrize(
    "sentences",
    [
        *(explanations, advices, refusals, shares, keys_and_modes, losses),
        *(checks_of_requests, refused_fields),
    ],
)
def test_what_the_server_says_is_all_chinese(sentences):
    assert [text for text in set(sentences()) if english_left(text)] == []


def test_every_sentence_of_the_source_is_known():
    """A new reason, rule or cause needs a line in ``zh-hans-sentences.json``."""
    unknown = {
        text: place
        for written, place in all_written().items()
        if (text := CODE.sub("", written)).strip("7") and english_left(text)
    }
    assert unknown == {}


def test_no_sentence_is_listed_that_nobody_writes():
    made = "\n".join(
        [
            *(CODE.sub("", text) for text in all_written()),
            *(text for one in (explanations, advices, losses) for text in one()),
            *(one.text for one in FEATURES.values()),
        ]
    )
    unused = [
        english
        for name, group in GROUPS.items()
        for english in group
        if name not in OTHERS | PIECES and english not in PIECES
        if not re.search(
            SLOT.sub("(.+?)", re.sub(r"[.*+?^$()|\[\]]", r"\\\g<0>", english)), made
        )
    ]
    print(unused)
    assert unused == []


def test_features_are_described_in_chinese():
    assert [one.text for one in FEATURES.values() if english_left(one.text)] == []


def test_words_within_those_sentences_are_known_too():
    words = {
        word
        for name in ("market_structure", "structure_event", "liquidity_context")
        for word in WORDS[name].values()
    }
    assert words <= set(GROUPS["words"])


def test_placeholders_survive_translation():
    for group in GROUPS.values():
        for english, chinese in group.items():
            assert set(SLOT.findall(english)) - {"_"} == set(SLOT.findall(chinese))
