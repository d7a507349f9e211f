"""Third-party clients run as processes of their own virtual environment.

The environment is made on first use under ``var/peers-venv`` and kept until
``requirements.txt`` changes. Where pip cannot install it the tests are skipped, except
under CI, where that is a failure.
"""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.secret_file import alone
from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "var" / "peers-venv"
REQUIREMENTS = HERE / "requirements.txt"


def _make_environment():
    """Path of the environment's Python; raises CalledProcessError."""
    python = FOLDER / "bin" / "python"
    stamp = FOLDER / "requirements.sha256"
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    FOLDER.parent.mkdir(exist_ok=True)
    # One worker makes it, the others wait for it.
    with alone(FOLDER):
        if stamp.exists() and stamp.read_text() == digest:
            return python
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(FOLDER)],
            [str(python), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)
        stamp.write_text(digest)
    return python


@pytest.fixture(scope="session")
def peer_python():
    try:
        return _make_environment()
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the peers cannot be installed: {error.stderr[-300:]}")


@pytest.fixture
async def simulator(tmp_path):
    settings = SimulatorSettings(symbols=20)
    async with running_simulator(settings, tmp_path / "state") as running:
        yield running


@pytest.fixture
def run_peer(peer_python, simulator):
    """Run a script of this folder against the simulator; its JSON answer."""

    account = simulator.accounts.open(name="peer")

    async def run(script, *arguments):
        process = await asyncio.create_subprocess_exec(
            str(peer_python),
            str(HERE / script),
            simulator.base_url,
            *arguments,
            env={
                **os.environ,
                "SSL_CERT_FILE": str(simulator.ca_path),
                "PEER_KEY": account.key,
                "PEER_SECRET": account.secret,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(120):
                out, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, errors.decode()[-2000:]
        return json.loads(out)

    return run
