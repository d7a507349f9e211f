"""The replay command: what it prints, stores, refuses, and how it ends."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from market import replay as replays
from market.management.commands import replay as command
from market.models import Candle
from tests.payloads import golden_frames

GOLDEN = golden_frames()


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "capture"
    lines = (b"%d.0: %s\n" % (1_700_000_000 + n, raw) for n, raw in enumerate(GOLDEN))
    path.write_bytes(b"".join(lines))
    return path


def run(*arguments):
    out, err = StringIO(), StringIO()
    call_command("replay", *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_report_is_printed(capture):
    out, _ = run(capture)
    assert f"frames          {len(GOLDEN)}" in out
    assert "kline 1" in out
    assert "closed bars     1" in out
    assert "decode errors   0" in out


@pytest.mark.django_db
def test_closed_candles_are_stored_apart_from_every_venue(capture):
    out, _ = run(capture, "--store")
    assert "stored          1 candles as 'replay'" in out
    candle = Candle.objects.select_related("series").get()
    assert (candle.series.venue, candle.series.symbol) == ("replay", "SUSHIUSDT")
    run(capture, "--store")
    assert Candle.objects.count() == 1


def test_a_speed_waits_as_long_as_the_recording_did(capture, monkeypatch):
    waits = []
    monkeypatch.setattr(command.time, "monotonic", lambda: 0.0)
    monkeypatch.setattr(command.time, "sleep", waits.append)
    run(capture, "--speed", "2")
    assert waits == [number / 2 for number in range(1, len(GOLDEN))]


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan", "inf"])
def test_a_speed_that_is_none_is_refused(capture, speed):
    with pytest.raises(CommandError, match="--speed must be a number above 0 or max"):
        run(capture, f"--speed={speed}")
    run(capture, "--speed=max")


def test_a_stopped_replay_prints_what_was_done(capture, monkeypatch):
    push = replays.Replay.push

    def push_five(replay, frame):
        if replay.frames == 5:
            raise KeyboardInterrupt
        push(replay, frame)

    monkeypatch.setattr(replays.Replay, "push", push_five)
    out, err = run(capture)
    assert "frames          5" in out
    assert "stopped" in err


def test_progress_is_shown_for_long_captures(capture, monkeypatch):
    monkeypatch.setattr(command, "PROGRESS_SECONDS", -1.0)
    _, err = run(capture)
    assert f"{len(GOLDEN)} frames …" in err


def test_a_file_that_cannot_be_read_is_an_error_after_the_report(tmp_path):
    out = StringIO()
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("replay", str(tmp_path / "missing"), stdout=out)
    assert "frames          0" in out.getvalue()


def test_pages_need_redis(capture):
    with pytest.raises(CommandError, match="live state cannot be read"):
        run(capture, "--browser")
