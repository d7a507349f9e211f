"""The command line itself."""

import subprocess
import sys

from tests.flows.running import ROOT

# Where the tests run in the background of a shell, children inherit that SIGINT is ignored.
INTERRUPTED = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
os.kill(os.getpid(), signal.SIGINT)
"""


def test_ctrl_c_ends_any_command_without_a_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", INTERRUPTED],
        cwd=ROOT,
        env={"QUANTAI_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 130
    assert done.stderr.strip() == "interrupted"
