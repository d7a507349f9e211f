"""Known vulnerabilities of the pinned packages: ``python -m quantai_site.audit``.

A found vulnerability fails. Packages that the advisory database does not answer for are
counted and said, not a failure: the code is no worse for a missing network.
"""

import json
import subprocess
import sys
from typing import Any

from quantai_site.site_settings import BASE_DIR

TIMEOUT_SECONDS = 180
COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--progress-spinner", "off"),
    *("--disable-pip", "--no-deps", "--timeout", "15", "--format", "json"),
    *("-r", str(BASE_DIR / "requirements.txt")),
)


def verdict(report: dict[str, Any]) -> tuple[int, list[str]]:
    """Exit status and lines for a report of pip-audit."""
    packages = report.get("dependencies", [])
    lines = [
        f"{item['name']} {item['version']}: {found['id']}, fixed in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}"
        for item in packages
        for found in item.get("vulns", ())
    ]
    skipped = sum("skip_reason" in item for item in packages)
    checked = len(packages) - skipped
    summary = f"{checked} packages checked, {len(lines)} known vulnerabilities"
    if skipped:
        summary += f"; {skipped} not checked: the advisory database has no answer"
    return (1 if lines else 0), [*lines, summary]


def main() -> int:
    try:
        result = subprocess.run(
            COMMAND,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        report = json.loads(result.stdout)
    except subprocess.TimeoutExpired:
        status, lines = 0, ["not audited: the advisory database did not answer"]
    except ValueError:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        status, lines = 0, [f"not audited: {reason[:200]}"]
    else:
        status, lines = verdict(report)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return status


if __name__ == "__main__":
    sys.exit(main())
