import shutil
import subprocess

import pytest

from tests.flows.running import ROOT

pytestmark = pytest.mark.flow
MANAGE = "import sys; print('manage', *sys.argv[1:])\n"


@pytest.fixture
def project(tmp_path):
    """A project of its own with nothing to install and a path with a space."""
    root = tmp_path / "my project"
    root.mkdir()
    shutil.copy2(ROOT / "quantai", root / "quantai")
    (root / "requirements.txt").write_text("# nothing\n")
    (root / "requirements-dev.txt").write_text("-r requirements.txt\n")
    (root / "manage.py").write_text(MANAGE)
    return root


def run(root, *arguments, **options):
    return subprocess.run(
        [str(root / "quantai"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.parametrize("arguments", [["frobnicate"], []])
def test_an_unknown_verb_shows_the_usage_and_exits_with_2(project, arguments):
    result = run(project, *arguments)
    assert result.returncode == 2
    assert "usage: quantai VERB" in result.stderr
    assert result.stdout == ""


def test_help_is_no_error(project):
    result = run(project, "--help")
    assert result.returncode == 0
    assert "usage: quantai VERB" in result.stdout


@pytest.mark.slow
def test_it_installs_once_for_each_change_and_repairs_what_was_interrupted(project):
    first = run(project, "manage", "one", "two words", cwd="/")
    assert first.stdout == "manage one two words\n", first.stderr
    assert "installing requirements.txt" in first.stderr

    again = run(project, "manage", "x")
    assert again.stderr == ""

    (project / "requirements.txt").write_text("# changed\n")
    assert "installing requirements.txt" in run(project, "manage", "x").stderr
    assert run(project, "up", "--port", "0").stdout == "manage up --port 0\n"

    (project / ".venv" / "installed-runtime").unlink()
    shutil.rmtree(next((project / ".venv" / "lib").iterdir()) / "site-packages" / "pip")
    repaired = run(project, "manage", "x")
    assert repaired.stdout == "manage x\n"
    assert "making" in repaired.stderr


@pytest.mark.slow
def test_two_launchers_at_once_install_once(project):
    both = [
        subprocess.Popen(
            [str(project / "quantai"), "manage", "x"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=120) for process in both]
    assert [out for out, _ in said] == ["manage x\n"] * 2
    assert sum("installing" in err for _, err in said) == 1


def test_a_symbolic_link_to_the_launcher_works(project, tmp_path):
    link = tmp_path / "bin" / "quantai"
    link.parent.mkdir()
    link.symlink_to(project / "quantai")
    result = run(link.parent, "frobnicate")
    assert result.returncode == 2


def test_without_a_fitting_python_it_says_which_is_needed(project, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "dirname", "readlink", "cat", "cksum", "tr"):
        (tools / name).symlink_to(shutil.which(name))
    (tools / "python3").write_text("#!/bin/sh\necho 'Python 3.9.2'; exit 1\n")
    (tools / "python3").chmod(0o755)
    result = run(project, "manage", "x", env={"PATH": str(tools)})
    assert result.returncode == 1
    assert "needs Python 3.11 or 3.12" in result.stderr
    assert "found: Python 3.9.2" in result.stderr
