import re

from quantai_site.site_settings import BASE_DIR


def direct_packages(name):
    text = (
        (BASE_DIR / name).read_text(encoding="utf-8").partition("# What these need")[0]
    )
    return set(re.findall(r"^([A-Za-z][\w.-]*)", text, re.MULTILINE))


def test_every_dependency_has_its_reason():
    page = (BASE_DIR / "docs" / "dependencies.md").read_text(encoding="utf-8")
    wanted = direct_packages("requirements.txt") | direct_packages(
        "requirements-dev.txt"
    )
    assert len(wanted) > 30
    assert {name for name in wanted if not re.search(rf"\b{name}\b", page)} == set()


def test_every_command_in_the_readme_exists():
    page = (BASE_DIR / "README.md").read_text(encoding="utf-8")
    launcher = (BASE_DIR / "quantai").read_text(encoding="utf-8")
    verbs = set(re.findall(r"\./quantai (\w+)", page))
    assert verbs >= {"up", "test", "check", "doctor", "manage"}
    assert {verb for verb in verbs if not re.search(rf"\b{verb}\b", launcher)} == set()
