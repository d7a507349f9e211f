"""What is written in English (rules, reasons, advice), in the language of a page.

The server writes English sentences, into rows and answers; whoever shows them translates:
scripts in ``static/js/told.js``, and this module, by the same rules, where the server
renders the page. ``{name}`` in a sentence stands for a value, ``{n}`` for a number.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path

from django.contrib.staticfiles import finders
from django.utils.translation import get_language

# Values that may hold sentences themselves; in others "; " ends the sentence.
OPEN = frozenset({"advice", "error", "rest", "rule", "text", "value", "why", "_"})
SLOT = re.compile(r"\{(\w+)\}")
# How sentences are put together: keys of group ``forms``, beside "; ".
NAME, CAUSE = "{name}: {rest}", "{sentence} ({cause})"
BEHIND_NAME = re.compile(r"((?:(?!; ).)+?): (.+)", re.DOTALL)
WITH_CAUSE = re.compile(r"(.+?) \((.+)\)", re.DOTALL)


class _Sentence:
    """``english`` with its values open, and what stands for it."""

    def __init__(self, english: str, own: str) -> None:
        self.own = own
        self.names = SLOT.findall(english)
        self._english = english

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when it is first asked for: most sentences never are."""
        plain = re.sub(r"[.*+?^$()|\[\]\\]", r"\\\g<0>", self._english)
        return re.compile(SLOT.sub(_slot, plain), re.DOTALL)


def _slot(found: re.Match[str]) -> str:
    if found[1] == "n":
        return r"([\d.,]+)"
    return "(.+?)" if found[1] in OPEN else "((?:(?!; ).)+?)"


def _first_word(text: str) -> str:
    return text.split(" ", 1)[0]


def _filled(text: str, values: Mapping[str, str]) -> str:
    return SLOT.sub(lambda slot: values[slot[1]], text)


class Sentences:
    """Sentences of one language by group.

    Group ``fields`` names fields of forms, ``forms`` says how sentences are put together.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, str]]) -> None:
        self._fields = groups.get("fields", {})
        self._forms = groups.get("forms", {})
        # By their first word; under "" those that begin with a value.
        self._sentences: dict[str, list[_Sentence]] = {}
        for name, group in groups.items():
            if name in ("fields", "forms"):
                continue
            for english, own in group.items():
                word = _first_word(english)
                alike = self._sentences.setdefault("" if "{" in word else word, [])
                alike.append(_Sentence(english, own))

    def told(self, text: str) -> str:
        """Return the sentence in this language; what is not known stays as it is."""
        return self.whole(text) or self._in_parts(text) or text

    def field(self, name: str) -> str:
        """Return a field's name as people call it; one that is not known stays."""
        return self._fields.get(name, name)

    def whole(self, text: str) -> str:
        """Return the one sentence that the text is, empty when it is none."""
        named = self._sentences.get(_first_word(text), ())
        for one in (*named, *self._sentences.get("", ())):
            found = one.pattern.fullmatch(text)
            if found is None:
                continue
            values = {
                name: self.field(value) if name == "field" else self.told(value)
                for name, value in zip(one.names, found.groups(), strict=True)
            }
            return _filled(one.own, values)
        return ""

    def _in_parts(self, text: str) -> str:
        parts = self._joined(text)
        known = sum(bool(own) for _, own in parts)
        if not known:
            return self._behind_name(text) or self._with_cause(text)
        together = self._forms["; "].join(own or part for part, own in parts)
        if known == len(parts):
            return together
        return self._behind_name(text) or together

    def _behind_name(self, text: str) -> str:
        """Return what "name: sentence" says."""
        found = BEHIND_NAME.fullmatch(text)
        if found is None:
            return ""
        name, rest = found.groups()
        own = self.told(rest)
        if own == rest:
            return ""
        return _filled(self._forms[NAME], {"name": self.told(name), "rest": own})

    def _with_cause(self, text: str) -> str:
        """Return what "sentence (cause)" says."""
        found = WITH_CAUSE.fullmatch(text)
        own = self.whole(found[1]) if found else ""
        if found is None or not own:
            return ""
        cause = self.told(found[2])
        return _filled(self._forms[CAUSE], {"sentence": own, "cause": cause})

    def _joined(self, text: str) -> list[tuple[str, str]]:
        """Part at each "; " with what it says; some sentences have one of their own."""
        parts, found, at = text.split("; "), [], 0
        while len(parts) > 1 and at < len(parts):
            for end in range(len(parts), at, -1):
                part = "; ".join(parts[at:end])
                own = self.whole(part)
                if own:
                    break
            found.append((part, own))
            at = end
        return found


@cache
def sentences(language: str) -> Sentences:
    """Return the sentences of a language; none where there is no list of them."""
    path = finders.find(f"js/strings/{language}-sentences.json")
    if path is None:
        return Sentences({})
    return Sentences(json.loads(Path(path).read_text(encoding="utf-8")))


def _present() -> Sentences:
    return sentences(get_language() or "en")


def told(text: str) -> str:
    """Return a sentence of the server in the language of the present request."""
    return _present().told(text)


def field_name(name: str) -> str:
    """Return a field's name in that language; English keeps the name itself."""
    return _present().field(name)
