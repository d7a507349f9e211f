"""The one reader of settings.

Order: environment, ``.env``, ``quantai.toml``, ``var/run/runtime.json`` (written by a
running ``up``), default. Every section is a frozen class next to its owner; here they
are read, checked together and remembered with the source of each value.
"""

import argparse
import fcntl
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from dotenv import dotenv_values
from pydantic import BaseModel, PrivateAttr, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from market.binance.config import WsSettings
from market.config import MarketSettings
from market.simulator.config import SimulatorSettings
from quantai_site import embedded_redis
from quantai_site.site_settings import BASE_DIR, SiteSettings

FILES_DIR = BASE_DIR
DEFAULT = "default"
EMBEDDED = "embedded"
RUNNING = "running up"
MASK = "••••••"
URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")

Layer = dict[str, dict[str, Any]]


class Section(NamedTuple):
    """One group of settings: its name in the file, environment prefix, class."""

    name: str
    prefix: str
    model: type[BaseModel]

    def variable(self, key: str) -> str:
        """Environment name of a field."""
        if (self.name, key) == ("site", "var"):
            return "QUANTAI_VAR"
        return self.prefix + key.upper()


SECTIONS = (
    Section("site", "", SiteSettings),
    Section("ws", "WS_", WsSettings),
    Section("market", "MARKET_", MarketSettings),
    Section("simulator", "SIMULATOR_", SimulatorSettings),
)
# Names of earlier systems, accepted in quantai.toml.
OLDER_SPELLINGS = {
    "ws": {
        "max_retries": "reconnect_max_retries",
        "initial_delay": "reconnect_initial_delay",
        "max_delay": "reconnect_max_delay",
        "backoff_factor": "reconnect_backoff_factor",
    }
}
# Flags of `up`, each a setting; they outrank everything else.
FLAGS = {
    "--exchange": ("EXCHANGE", "simulator, testnet or binance"),
    "--host": ("HOST", "address to bind, 127.0.0.1 by default"),
    "--port": ("PORT", "port, 8000 by default; 0 = any free one"),
    "--symbols": ("MARKET_SYMBOLS", "how many symbols are followed, 140 by default"),
    "--var": ("QUANTAI_VAR", "folder of everything written at run time"),
    "--web": ("WEB", "daphne or uvicorn"),
}
# runtime.json knows where a running `up` put its parts.
RUNTIME_KEYS = {
    "exchange": ("site", "exchange"),
    "host": ("site", "host"),
    "port": ("site", "port"),
    "redis_url": ("site", "redis_url"),
    "simulator_url": ("market", "simulator_url"),
    "simulator_ca": ("market", "simulator_ca"),
}


class ConfigError(Exception):
    """Settings that cannot be used; ``problems`` has one line for each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Row(NamedTuple):
    """One setting as people see it: secrets are masked."""

    section: str
    variable: str
    value: str
    default: str
    source: str
    description: str


@dataclass
class Reading:
    """What was found, before it is checked."""

    layers: list[tuple[str, Layer]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def source_of(self, section: str, key: str) -> str:
        for source, layer in self.layers:
            if key in layer.get(section, {}):
                return source
        return DEFAULT


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


def read(environ: Mapping[str, str], folder: Path) -> Reading:
    """Collect the layers, highest priority first."""
    reading = Reading()
    dotenv = {k: v for k, v in dotenv_values(folder / ".env").items() if v is not None}
    reading.layers = [
        ("environment", _from_variables(environ)),
        (".env", _from_variables(dotenv)),
        ("quantai.toml", _from_toml(folder / "quantai.toml", reading.warnings)),
    ]
    known = set(variables())
    reading.warnings += [
        f".env: {name} is no setting" for name in dotenv if name not in known
    ]
    prefixes = tuple(section.prefix for section in SECTIONS if section.prefix)
    reading.warnings += [
        f"environment: {name} is no setting"
        for name in environ
        if name.startswith(prefixes) and name not in known
    ]
    for _, layer in reading.layers[1:]:
        # A relative folder in a file is meant from the file, not from where we stand.
        if "var" in layer.get("site", {}):
            given = Path(str(layer["site"]["var"])).expanduser()
            layer["site"]["var"] = str(folder / given)
    var = _var_of(reading)
    reading.layers += [
        (RUNNING, _from_runtime(var / "run")),
        # Nobody listens there without `up`: then a client says "cannot connect".
        (EMBEDDED, {"site": {"redis_url": embedded_redis.url(var)}}),
    ]
    return reading


def variables() -> list[str]:
    """Environment names of all settings."""
    return [
        section.variable(key)
        for section in SECTIONS
        for key in section.model.model_fields
    ]


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


def _from_variables(environ: Mapping[str, str]) -> Layer:
    layer: Layer = {}
    for section in SECTIONS:
        for key, info in section.model.model_fields.items():
            text = environ.get(section.variable(key), "").strip()
            if text:
                layer.setdefault(section.name, {})[key] = _parsed(text, info)
    return layer


def _parsed(text: str, info: FieldInfo) -> object:
    """Lists are written with commas; a choice may be one of numbers."""
    kind = get_origin(info.annotation)
    if kind is Literal:
        choices = {str(choice): choice for choice in get_args(info.annotation)}
        return choices.get(text, text)
    if kind in (tuple, list, set, frozenset):
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _from_toml(path: Path, warnings: list[str]) -> Layer:
    if not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: not valid TOML: {error}"]) from error
    by_name = {section.name: section for section in SECTIONS}
    layer: Layer = {}
    for name, table in document.items():
        if name not in by_name or not isinstance(table, dict):
            warnings.append(f"{path.name}: section [{name}] is unknown")
            continue
        layer[name] = _known_keys(by_name[name], table, path.name, warnings)
    return layer


def _known_keys(
    section: Section, table: dict[str, Any], file: str, warnings: list[str]
) -> dict[str, Any]:
    older = OLDER_SPELLINGS.get(section.name, {})
    values: dict[str, Any] = {}
    for given, value in table.items():
        key = older.get(given, given)
        info = section.model.model_fields.get(key)
        if info is None:
            warnings.append(f"{file}: [{section.name}] {given} is no setting")
        elif given == key or key not in table:
            values[key] = _parsed(value, info) if isinstance(value, str) else value
    return values


def _var_of(reading: Reading) -> Path:
    for _, layer in reading.layers:
        if "var" in layer.get("site", {}):
            return Path(str(layer["site"]["var"])).expanduser().absolute()
    return BASE_DIR / "var"


def _from_runtime(run_dir: Path) -> Layer:
    """What a running ``up`` says of itself; a file left by a dead one is ignored."""
    try:
        facts = json.loads((run_dir / "runtime.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not held(run_dir / "lock"):
        return {}
    layer: Layer = {}
    for name, (section, key) in RUNTIME_KEYS.items():
        if facts.get(name) not in (None, ""):
            layer.setdefault(section, {})[key] = facts[name]
    return layer


def held(lock: Path) -> bool:
    """Whether some process holds the lock file."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


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
