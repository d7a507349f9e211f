"""Processes that set keys while others rotate them, on an SQLite file of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTING = """
from pydantic import SecretStr
from accounts import account_services as services
from accounts import keys
keys.check_master_key()
for turn in range(40):
    name = f"a{turn % 5}"
    row = services.ExchangeAccount.objects.filter(name=name).first()
    row = row or services.account_create(actor="x", venue="simulator", name=name)
    secret = SecretStr(f"secret-{turn}")
    services.keys_set(row, actor="x", api_key=SecretStr("k"), api_secret=secret)
"""
ROTATING = """
from accounts.key_rotation import keys_rotate
for turn in range(6):
    keys_rotate(actor="x")
"""
READING = """
from accounts import keys
from accounts.models import ExchangeAccount
keys.check_master_key()
print("usable", len([keys.credentials(one) for one in ExchangeAccount.objects.all()]))
"""


@pytest.mark.slow
def test_keys_set_while_others_rotate_stay_usable(tmp_path):
    environ = {"QUANTAI_VAR": str(tmp_path / "var"), "PATH": os.environ["PATH"]}
    manage = [sys.executable, str(ROOT / "manage.py")]
    shell = [*manage, "shell", "--no-imports", "-c"]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environ, check=True)
    jobs = [
        subprocess.Popen([*shell, code], env=environ, stdout=subprocess.DEVNULL)
        for code in (SETTING, ROTATING, ROTATING)
    ]
    assert [job.wait(60) for job in jobs] == [0, 0, 0]
    told = subprocess.run(
        [*shell, READING], env=environ, check=True, capture_output=True, text=True
    )
    assert told.stdout.strip().endswith("usable 5")
