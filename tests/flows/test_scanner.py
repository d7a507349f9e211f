"""The real scanner process at work behind a real `up`."""

import json
import sqlite3
import urllib.request
from contextlib import closing

import pytest

from tests.flows.running import Running, until_true

pytestmark = [pytest.mark.flow, pytest.mark.slow]
SYMBOLS = 8
QUICK = {
    "MARKET_SYMBOLS": str(SYMBOLS),
    "SIMULATOR_SYMBOLS": str(SYMBOLS),
    "MARKET_INTERVALS": "1m,5m",
    "MARKET_HISTORY_BARS": "150",
    "SCAN_BARS": "120",
    "SCAN_STORE_SCORE": "0",
    "SIMULATOR_SPEED": "12",
}


def test_signals_follow_a_close_and_a_scan_is_done_on_request(tmp_path):
    with Running(tmp_path, **QUICK) as up:
        up.wait_for(r"Open http://")
        up.wait_for(r"scanner\s+running")
        token = up.manage("api_token", "admin", "--scope", "trade").splitlines()[-1]

        def ask(path, body=None):
            request = urllib.request.Request(
                f"{up.runtime['web_url']}api/v1/market/{path}",
                data=None if body is None else json.dumps(body).encode(),
                headers={
                    "Authorization": f"Bearer {token}",
                    "Content-Type": "application/json",
                },
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)

        with closing(sqlite3.connect(up.var / "quantai.sqlite3", timeout=30)) as rows:
            until_true(lambda: rows.execute(CLOSES).fetchone(), 90)
        assert ask("signals")["signals"]
        answer = ask("scan", {"interval": "1m", "min_score": 0})
        assert (answer["state"], answer["total_symbols"]) == ("done", SYMBOLS)
        assert answer["scanned"] + len(answer["failed"]) == SYMBOLS
        signal = answer["signals"][0]
        assert ask(f"signals/{signal['id']}/check")["same"]
        up.wait_for("✅ 批量扫描完成")
        up.wait_for(rf"📊 扫描结果 总扫描: {SYMBOLS} 个币种 耗时: .*秒 发现信号: ")
        text = up.manage("scan", "--test", "--bars", "5m")
        assert f"{SYMBOLS} asked" in text
        assert up.stop() == 0


CLOSES = (
    "SELECT 1 FROM market_scan WHERE trigger = 'close' AND state = 'done' "
    f"AND signals_found > 0 AND scanned = {SYMBOLS}"
)
