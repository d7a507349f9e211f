import io
import logging
import sys

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from accounts.domain.modes import truth_table
from accounts.models import User
from accounts.selectors import token_by_text
from tests.accounts import planted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def alice():
    return User.objects.create_user("alice")


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_api_token_prints_the_token_alone():
    printed = run("api_token", "alice", "--scope", "trade", "--days", "3")
    assert printed.count("\n") == 1
    token = token_by_text(printed.strip())
    assert (token.user.username, token.scope) == ("alice", "trade")
    assert token.expires_at is not None


def test_a_script_that_reads_the_token_gets_no_line_of_the_log(
    capsys, caplog, django_capture_on_commit_callbacks
):
    caplog.set_level(logging.INFO)
    handler = logging.StreamHandler(sys.stdout)
    logging.getLogger().addHandler(handler)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            call_command("api_token", "alice")
    finally:
        logging.getLogger().removeHandler(handler)
    printed, logged = capsys.readouterr()
    assert token_by_text(printed.strip()).user.username == "alice"
    assert "apitoken.create" in logged


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "no active user 'nobody'"),
        (["alice", "--days", "0"], "at least 1"),
        (["alice", "--scope", "all"], "invalid choice"),
    ],
)
def test_api_token_explains_what_it_refuses(arguments, message):
    with pytest.raises(CommandError, match=message):
        run("api_token", *arguments)


def test_reset_password_prints_the_new_password_alone():
    password = run("reset_password", "alice").strip()
    assert authenticate(username="alice", password=password) is not None


def test_reset_password_of_nobody_is_an_error():
    with pytest.raises(CommandError, match="no user 'nobody'"):
        run("reset_password", "nobody")


def test_trading_modes_prints_every_cell_of_the_truth_table():
    head, *rows, here = run("trading_modes").splitlines()
    assert head.split() == [
        *("venue", "mode", "TRADING_MODE", "live_enabled", "key_checked", "guarded"),
        *("way", "badge", "reason"),
    ]
    yes = {True: "yes", False: "no"}
    expected = [
        f"{given.venue} {given.mode} {given.trading_mode} {yes[given.live_enabled]} "
        f"{yes[given.key_checked]} {yes[given.guarded]} {way.way} {way.badge} "
        f"{way.reason}"
        for given, way in truth_table()
    ]
    assert [" ".join(row.split()) for row in rows] == [row.strip() for row in expected]
    assert len(rows) == 96
    assert here == "here: TRADING_MODE=paper, guarded=no"


def test_trading_modes_tells_what_holds_for_each_account():
    planted.account("sim")
    planted.account("real", venue="binance", live_enabled=True)
    planted.account("toy", venue="binance", mode="paper")
    assert run("trading_modes", "--accounts").splitlines() == [
        "binance real: refused LIVE orders on binance wait for the risk engine and the "
        "roles",
        "binance toy: paper PAPER",
        "simulator sim: exchange SIMULATED",
    ]
