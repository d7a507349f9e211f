"""The one reader of settings.

Order: environment, ``.env``, ``quantai.toml``, ``var/run/runtime.json`` (written by a
running ``up``), default (``config_sources.py``). Every section is a frozen class next to
its owner; here they are checked together and remembered with the source of each value.
"""

import argparse
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import PrivateAttr, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from accounts.config import AccountsSettings
from market.binance.config import WsSettings
from market.config import IndicatorSettings, MarketSettings, ScanSettings
from market.simulator.config import SimulatorSettings
from quantai_site.config_sources import (
    EMBEDDED,
    RUNNING,
    SECTIONS,
    ConfigError,
    Layer,
    Reading,
    Section,
    read,
    variables,
)
from quantai_site.site_settings import BASE_DIR, SiteSettings
from training.config import GradScalerSettings, TrainingSettings

__all__ = [
    "SECTIONS",
    "Config",
    "ConfigError",
    "Row",
    "child_environment",
    "flag_environment",
    "flag_parser",
    "load",
    "read",
    "shown",
    "variables",
]

FILES_DIR = BASE_DIR
MASK = "••••••"
URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")

# Flags of `up`, each a setting; they outrank everything else.
FLAGS = {
    "--exchange": ("EXCHANGE", "simulator, testnet or binance"),
    "--host": ("HOST", "address to bind, 127.0.0.1 by default"),
    "--port": ("PORT", "port, 8000 by default; 0 = any free one"),
    "--symbols": ("MARKET_SYMBOLS", "how many symbols are followed, 140 by default"),
    "--var": ("QUANTAI_VAR", "folder of everything written at run time"),
    "--web": ("WEB", "daphne or uvicorn"),
}


class Row(NamedTuple):
    """One setting as people see it: secrets are masked."""

    section: str
    variable: str
    value: str
    default: str
    source: str
    description: str


class _LayerSource(PydanticBaseSettingsSource):
    """Hands one layer to pydantic-settings, which merges them by priority."""

    def __init__(self, settings_cls: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings_cls)
        self.layer = layer

    def get_field_value(
        self, field: FieldInfo, field_name: str
    ) -> tuple[Any, str, bool]:
        return self.layer.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(self.layer)


class Config(BaseSettings):
    """All sections; ``django.conf.settings.QUANTAI`` is the one instance."""

    model_config = SettingsConfigDict(frozen=True)

    site: SiteSettings = SiteSettings()
    ws: WsSettings = WsSettings()
    market: MarketSettings = MarketSettings()
    indicator: IndicatorSettings = IndicatorSettings()
    scan: ScanSettings = ScanSettings()
    accounts: AccountsSettings = AccountsSettings()
    training: TrainingSettings = TrainingSettings()
    grad_scaler: GradScalerSettings = GradScalerSettings()
    simulator: SimulatorSettings = SimulatorSettings()

    _reading: Reading = PrivateAttr(default_factory=Reading)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # Values come in as layers from `load`; pydantic must not look by itself.
        layers: list[Layer] = init_settings().get("layers", [])
        return tuple(_LayerSource(settings_cls, layer) for layer in layers)

    @property
    def redis_is_embedded(self) -> bool:
        """Whether ``up`` must start a Redis server."""
        return self._reading.source_of("site", "redis_url") in (EMBEDDED, RUNNING)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Keys that no setting has, one line each."""
        return tuple(self._reading.warnings)

    def rows(self) -> Iterator[Row]:
        """Every setting with its value, default and source, in order."""
        for section in SECTIONS:
            values = getattr(self, section.name)
            for key, info in section.model.model_fields.items():
                yield Row(
                    section=section.name,
                    variable=section.variable(key),
                    value=shown(getattr(values, key)),
                    default=shown(info.get_default(call_default_factory=True)),
                    source=self._reading.source_of(section.name, key),
                    description=info.description or "",
                )


def load(
    environ: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> Config:
    """Read all sources and check them; ``folder`` holds ``.env`` and the TOML file.

    Raises ``ConfigError`` with a line for every value that breaks a rule.
    """
    reading = read(os.environ if environ is None else environ, folder or FILES_DIR)
    try:
        given: dict[str, Any] = {"layers": [layer for _, layer in reading.layers]}
        config = Config(**given)
    except ValidationError as error:
        raise ConfigError(list(_problems(error, reading))) from error
    config._reading = reading
    return config


def shown(value: object) -> str:
    """A value as people write it in a file; secrets are masked."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, str):
        return URL_PASSWORD.sub(rf"\g<1>{MASK}@", value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list, frozenset)):
        return ",".join(shown(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def child_environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """The environment of child processes: this one's with some settings replaced."""
    return {**os.environ, **overrides}


def flag_environment(arguments: list[str]) -> dict[str, str]:
    """Settings given as flags of ``up``, under their environment names."""
    given = flag_parser().parse_known_args(arguments)[0]
    return {name: str(value) for name, value in vars(given).items() if value}


def flag_parser(
    parser: argparse.ArgumentParser | None = None,
) -> argparse.ArgumentParser:
    """A parser of the flags in ``FLAGS``; added to ``parser`` when given."""
    parser = parser or argparse.ArgumentParser(add_help=False)
    for flag, (variable, text) in FLAGS.items():
        parser.add_argument(flag, dest=variable, metavar="VALUE", help=text)
    return parser


def _problems(error: ValidationError, reading: Reading) -> Iterator[str]:
    """One line for each broken rule: variable, value, rule, source."""
    by_name = {section.name: section for section in SECTIONS}
    for item in error.errors(include_url=False):
        section = by_name[str(item["loc"][0])]
        rule = item["msg"].removeprefix("Value error, ")
        if len(item["loc"]) > 1:
            key = str(item["loc"][1])
            yield (
                f"{section.variable(key)}={_given(section, key, reading)!r}: {rule} "
                f"({reading.source_of(section.name, key)})"
            )
        else:
            yield _in_variables(section, rule)


def _given(section: Section, key: str, reading: Reading) -> object:
    info = section.model.model_fields[key]
    for _, layer in reading.layers:
        if key in layer.get(section.name, {}):
            value = layer[section.name][key]
            if info.annotation is SecretStr:
                return MASK
            return shown(value) if isinstance(value, str) else value
    return None


def _in_variables(section: Section, rule: str) -> str:
    """Rules over several fields name them; people know them as variables."""
    for key in sorted(section.model.model_fields, key=len, reverse=True):
        rule = re.sub(rf"(?<![A-Za-z_]){key}\b", section.variable(key), rule)
    return rule
