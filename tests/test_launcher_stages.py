"""Where the launcher's stages look for their tests, and who runs which."""

import os
import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
LAUNCHER = TESTS.parent / "quantai"
MARKED = re.compile(r"\bmark\.(browser|flow|peers|alone)\b")
MODULE = """
import os
import pathlib

import pytest

@pytest.mark.parametrize("n", range(4))
def test_writes_its_worker(n):
    with (pathlib.Path({told!r}) / "{name}").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_what_starts_real_processes_lies_in_the_folders_of_its_stage():
    (folders,) = re.findall(r"real='(.+)'", LAUNCHER.read_text())
    looked_at = [TESTS.parent / folder for folder in folders.split()]
    marked = [
        file for file in TESTS.rglob("test_*.py") if MARKED.search(file.read_text())
    ]
    assert len(marked) > 20
    for file in marked:
        assert any(folder in file.parents for folder in looked_at), file


def test_one_worker_has_all_tests_of_the_browser_and_modules_stay_whole(tmp_path):
    told = tmp_path / "told"
    told.mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import pytest_xdist_make_scheduler\n"
    )
    names = ["browser/a", "browser/b", "flows/c", "flows/d"]
    for name in names:
        file = tmp_path / "tests" / name.replace("/", "/test_")
        file.parent.mkdir(parents=True, exist_ok=True)
        code = MODULE.format(told=str(told), name=name[-1])
        file.with_suffix(".py").write_text(code)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadscope"),
            *("-p", "no:django", "-p", "no:cacheprovider", "tests"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "16 passed" in run.stdout
    workers = {name[-1]: (told / name[-1]).read_text().split() for name in names}
    assert [len(set(found)) for found in workers.values()] == [1, 1, 1, 1]
    assert workers["a"] == workers["b"]
    assert {found[0] for found in workers.values()} == {"gw0", "gw1"}
