import stat
from concurrent.futures import ThreadPoolExecutor

from core.secret_file import read_or_create


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "var" / "secret_key"
    first = read_or_create(path, make=lambda: "one")
    assert read_or_create(path, make=lambda: "two") == first == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {item.name for item in path.parent.iterdir()} == {
        "secret_key",
        "secret_key.lock",
    }


def test_a_maker_that_was_killed_leaves_nothing_behind(tmp_path):
    path = tmp_path / "secret_key"
    path.with_name("secret_key.draft").write_text("half a secr")
    path.with_name("secret_key.20261126").write_text("a copy that somebody made")
    assert read_or_create(path, make=lambda: "whole") == "whole"
    assert {item.name for item in tmp_path.iterdir()} == {
        "secret_key",
        "secret_key.lock",
        "secret_key.20261126",
    }


def test_whoever_starts_at_the_same_time_gets_the_same_secret(tmp_path):
    path = tmp_path / "secret_key"
    makers = [str(number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = set(
            pool.map(lambda text: read_or_create(path, make=lambda: text), makers)
        )
    assert len(found) == 1
