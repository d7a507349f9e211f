"""``var/run/runtime.json``: where a running ``up`` put its parts.

``quantai_site.config`` reads it, so that ``./quantai manage …`` in another terminal
finds the same Redis, exchange and port.
"""

import json
from pathlib import Path
from typing import Any

NAME = "runtime.json"


def write(run_dir: Path, facts: dict[str, Any]) -> None:
    """Replace the file as a whole; readers see the old one or the new one."""
    draft = run_dir / f"{NAME}.new"
    draft.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(run_dir / NAME)


def remove(run_dir: Path) -> None:
    (run_dir / NAME).unlink(missing_ok=True)
