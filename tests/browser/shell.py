"""A process beside the product that runs Python on the same database."""

import json
import os
import subprocess
import sys

from tests.flows.running import ROOT

LOOP = """
import json, sys
for line in sys.stdin:
    exec(json.loads(line), {})
    print("DONE", flush=True)
"""


class Shell:
    """``shell(code)`` runs it and returns its words; one process does all of it."""

    def __init__(self, up):
        self._process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "shell", "--no-imports", "-c", LOOP],
            env={"QUANTAI_VAR": str(up.var), "PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, code):
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        said = []
        for line in self._process.stdout:
            if line == "DONE\n":
                return "".join(said)
            said.append(line)
        raise AssertionError(f"the process ended: {''.join(said)}")

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
