"""Where settings come from: layers of values, the first one that has a key wins."""

import fcntl
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from dotenv import dotenv_values
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from accounts.config import AccountsSettings
from market.binance.config import WsSettings
from market.config import IndicatorSettings, MarketSettings, ScanSettings
from market.simulator.config import SimulatorSettings
from quantai_site import embedded_redis
from quantai_site.site_settings import BASE_DIR, SiteSettings
from training.config import GradScalerSettings, TrainingSettings

DEFAULT = "default"
EMBEDDED = "embedded"
RUNNING = "running up"

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
    Section("indicator", "INDICATOR_", IndicatorSettings),
    Section("scan", "SCAN_", ScanSettings),
    Section("accounts", "ACCOUNTS_", AccountsSettings),
    Section("training", "TRAINING_", TrainingSettings),
    Section("grad_scaler", "GRAD_SCALER_", GradScalerSettings),
    Section("simulator", "SIMULATOR_", SimulatorSettings),
)
# Names of earlier systems, accepted in quantai.toml.
OLDER_SPELLINGS = {
    "ws": {
        "max_retries": "reconnect_max_retries",
        "initial_delay": "reconnect_initial_delay",
        "max_delay": "reconnect_max_delay",
        "backoff_factor": "reconnect_backoff_factor",
    },
    "grad_scaler": {"max_scale_threshold": "max_scale"},
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
