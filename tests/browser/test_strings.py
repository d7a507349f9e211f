"""Every text of pages and scripts has its Chinese."""

import gettext
import json
import re
from itertools import product

import pytest

from market.indicators import EliteTechnicalEngine
from market.indicators.result import WORDS
from market.scanner.factors import factors_of
from market.scanner.inputs import ScanInputs
from tests.flows.running import ROOT
from tests.market.indicators.series import invented
from training.engine import advice
from training.engine.results import OutputStatistics

SCRIPTS = ROOT / "static" / "js"
CATALOGUE = ROOT / "quantai_site" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.mo"


def script_texts(call="t|said"):
    for path in SCRIPTS.rglob("*.js"):
        found = rf'\b(?:{call})\(\s*"((?:[^"\\]|\\.)*)"'
        yield from re.findall(found, path.read_text())


def template_texts():
    for path in (ROOT / "templates").rglob("*.html"):
        source = path.read_text()
        for _, text in re.findall(r"{% translate ([\"'])(.*?)\1", source):
            yield text
        blocks = r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}"
        for text in re.findall(blocks, source):
            yield re.sub(r"{{ (\w+) }}", r"%(\1)s", text)


def test_scripts_and_their_table_name_the_same_texts():
    table = json.loads((SCRIPTS / "strings" / "zh-hans.json").read_text())
    assert set(script_texts()) == set(table)


@pytest.mark.parametrize("text", sorted(set(template_texts())))
def test_template_text_is_translated(text):
    with CATALOGUE.open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    assert catalogue.gettext(text) != text


def test_placeholders_survive_translation():
    table = json.loads((SCRIPTS / "strings" / "zh-hans.json").read_text())
    for english, chinese in table.items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese))


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


def pattern(sentence):
    return re.sub(r"\\{\w+\\}", "(.+?)", re.escape(sentence))


@pytest.mark.parametrize("sentences", [explanations, advices])
def test_sentences_that_the_server_keeps_are_known_to_the_pages(sentences):
    known = "|".join(map(pattern, script_texts("said")))
    for text in set(sentences()):
        assert re.fullmatch(known, text), text


def test_words_within_those_sentences_are_known_too():
    words = {
        word
        for name in ("market_structure", "structure_event", "liquidity_context")
        for word in WORDS[name].values()
    }
    assert words <= set(script_texts("said"))
