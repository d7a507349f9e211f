"""Every text of pages and scripts has its Chinese."""

import gettext
import json
import re

import pytest

from tests.flows.running import ROOT

SCRIPTS = ROOT / "static" / "js"
CATALOGUE = ROOT / "quantai_site" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.mo"


def script_texts():
    for path in SCRIPTS.rglob("*.js"):
        found = r'\bt\(\s*"((?:[^"\\]|\\.)*)"'
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
