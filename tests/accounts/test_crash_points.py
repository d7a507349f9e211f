"""A recorder that dies at every point of its own: nothing promised is lost, nothing
doubled. The trader's other points are tried by ``manage crash_test``.
"""

import os
import shutil
import subprocess
import sys

import pytest

from accounts import crash_points
from quantai_site import config
from quantai_site.site_settings import BASE_DIR

# What has been promised when the process dies there.
PROMISED = {
    "before_journal": "FIRST",
    "after_journal": "FIRST,A,B",
    "before_flush": "FIRST,A,B",
    "before_commit": "FIRST,A,B",
    "after_commit": "FIRST,A,B",
}


def run(*command, **more):
    environment = {k: v for k, v in os.environ.items() if k not in config.variables()}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=BASE_DIR,
        env=environment | {"PYTHONPATH": str(BASE_DIR)} | more,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("migrated")
    done = run(
        "manage.py", "migrate", "--verbosity", "0",
        QUANTAI_VAR=str(folder), DJANGO_SETTINGS_MODULE="quantai_site.settings",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("point", list(PROMISED))
def test_what_was_promised_is_there_once_after_the_crash(point, migrated, tmp_path):
    folder = tmp_path / "var"
    shutil.copytree(migrated, folder)
    child = "tests/accounts/crash_child.py"
    died = run(child, folder, point)
    assert died.returncode == crash_points.EXIT_CODE, died.stderr
    for _ in range(2):
        told = run(child, folder, "recover")
        assert told.returncode == 0, told.stderr
        assert told.stdout.splitlines()[-1] == PROMISED[point]


def test_only_known_points_can_be_armed():
    with pytest.raises(ValueError, match="nowhere"):
        crash_points.arm("nowhere")


def test_a_point_that_is_not_armed_lets_pass():
    for point in crash_points.POINTS:
        crash_points.reach(point)
        assert not crash_points.armed(point)
