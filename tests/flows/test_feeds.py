"""Two real feed processes, one of them killed."""

import json
import os
import re
import signal
import time
import urllib.request

import pytest

from tests.flows.running import Running, until_true

pytestmark = [pytest.mark.flow, pytest.mark.slow, pytest.mark.alone]
SYMBOLS = 12
QUICK = {
    "MARKET_SYMBOLS": str(SYMBOLS),
    "SIMULATOR_SYMBOLS": str(SYMBOLS),
    "MARKET_INTERVALS": "1m,5m",
    "FEEDS": "2",
}


class Watched:
    """What a program sees over REST."""

    def __init__(self, up):
        self._up = up
        up.wait_for(r"Open http://")
        self._token = up.manage("api_token", "admin").splitlines()[-1]

    def get(self, path):
        request = urllib.request.Request(
            f"{self._up.runtime['web_url']}api/v1/market/{path}",
            headers={"Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as found:
            return json.load(found)

    def owners(self):
        """Feeds by how many kline streams of how many symbols each carries."""
        found = {}
        for row in self.get("connections")["connections"]:
            feed = row["id"].rpartition(".")[0] or "feed"
            names = [n for n in row["streams"] if "@kline" in n]
            found.setdefault(feed, []).extend(names)
        return {feed: names for feed, names in found.items() if names}

    def all_live(self, feeds):
        totals = self.get("connections")["totals"]
        owners = self.owners()
        names = [name for names in owners.values() for name in names]
        return (
            set(owners) == feeds
            and sorted(names) == sorted(set(names))
            and totals["kline_streams_live"] == 2 * SYMBOLS == len(names)
        )


def test_a_killed_feeds_streams_are_the_others_within_ten_seconds_and_no_bar_is_missing(
    tmp_path,
):
    with Running(tmp_path, **QUICK) as up:
        watched = Watched(up)
        until_true(lambda: watched.all_live({"feed", "feed-2"}), 60)
        victim = up.pid_of("feed")
        # The victim stays down for as long as it is looked at.
        os.kill(up.pids["supervisord"], signal.SIGSTOP)
        os.kill(victim, signal.SIGKILL)
        began = time.monotonic()
        until_true(lambda: watched.all_live({"feed-2"}), 20)
        assert time.monotonic() - began < 10
        os.kill(up.pids["supervisord"], signal.SIGCONT)
        until_true(lambda: watched.all_live({"feed", "feed-2"}), 60)
        text = up.manage("shell", "-c", READ_EVENTS)
        assert re.search(
            r"feed \(process \d+ on .*\) was lost; feed-2 .* took over", text
        )
        day = until_true(lambda: whole(watched.get("gaps?day=today")), 60)
        assert day["coverage"]["missing"] == 0
        assert day["totals"]["open"] == day["totals"]["unfillable"] == 0
        assert up.stop() == 0


READ_EVENTS = (
    "from market.models import ConnectionEvent as E\n"
    "print(*E.objects.filter(kind='taken_over').values_list('reason', flat=True))"
)


def whole(day):
    """The answer once a minute has closed after the death and nothing is open."""
    coverage = day["coverage"]
    return day if coverage and coverage["missing"] == 0 else None
