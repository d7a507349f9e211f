"""Every text of pages and scripts has its Chinese."""

import gettext
import json
import re

import pytest

from tests.flows.running import ROOT

SCRIPTS = ROOT / "static" / "js"
CATALOGUE = ROOT / "quantai_site" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.mo"


def script_texts():
    """Keys of the table: the text, behind what it is said of where that is given."""
    for path in SCRIPTS.rglob("*.js"):
        found = r'\bt\(\s*"((?:[^"\\]|\\.)*)"(?:, \{ of: "(\w+)" \})?'
        for text, of in re.findall(found, path.read_text()):
            yield f"{of}|{text}" if of else text


def template_texts():
    """Texts of the catalogue, a context before \x04 as gettext keeps it."""
    for path in (ROOT / "templates").rglob("*.html"):
        source = path.read_text()
        found = r"{% translate ([\"'])(.*?)\1(?: context \"(\w+)\")?"
        for _, text, context in re.findall(found, source):
            yield f"{context}\x04{text}" if context else text
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
