"""The colours of both themes are readable (WCAG 2.2 AA: 4.5 to 1)."""

import re

import pytest

from tests.flows.running import ROOT

READABLE = 4.5
TEXTS = ("text", "text-2", "text-3", "accent", "up", "down", "warn", "critical")
SURFACES = ("bg", "surface", "surface-2", "surface-3")


def tokens(theme):
    source = (ROOT / "static" / "css" / "tokens.css").read_text()
    light_at = source.index(':root[data-theme="light"]')
    part = source[light_at:] if theme == "light" else source[:light_at]
    return dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})(?:[0-9a-f]{2})?;", part))


def channels(color):
    return [int(color[at : at + 2], 16) / 255 for at in (0, 2, 4)]


def luminance(parts):
    linear = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("text", TEXTS)
def test_text_is_readable_on_every_surface(theme, text, surface):
    colors = tokens(theme)
    assert contrast(channels(colors[text]), channels(colors[surface])) >= READABLE


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("tone", ["up", "down"])
def test_a_flashing_price_stays_readable(theme, tone):
    colors = {name: channels(color) for name, color in tokens(theme).items()}
    pairs = zip(colors[tone], colors["surface"], strict=True)
    flash = [0.15 * front + 0.85 * back for front, back in pairs]
    assert contrast(colors[tone], flash) >= READABLE
