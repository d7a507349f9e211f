"""``.env.example``: all settings with their defaults, generated from the classes."""

from collections.abc import Iterator

from quantai_site.config import shown
from quantai_site.config_sources import SECTIONS, Section
from quantai_site.site_settings import BASE_DIR

PATH = BASE_DIR / ".env.example"
HEAD = """\
# All settings of QuantAI with their defaults; `./quantai manage env_example` writes
# this file. Copy it to .env and remove the # of what you change. The same names in
# lower case, without prefix, go into the sections of quantai.toml. Environment
# variables win over both.
"""


def text() -> str:
    """The whole file."""
    return HEAD + "".join(_section(section) for section in SECTIONS)


def _section(section: Section) -> str:
    return f"\n# [{section.name}]\n" + "".join(_lines(section))


def _lines(section: Section) -> Iterator[str]:
    for key, info in section.model.model_fields.items():
        if info.description:
            yield f"# {info.description}\n"
        default = info.get_default(call_default_factory=True)
        value = "var" if (section.name, key) == ("site", "var") else shown(default)
        yield f"#{section.variable(key)}={value}\n"
