"""Signals in the database, with outcomes and a calibration, as scans leave them."""

import json

PLANT = """
import json, time
from market.models import (
    Calibration, Candle, FactorRecord, Scan, Signal, SignalOutcome
)
now = time.time_ns() // 1_000_000
FACTORS = [
    ("trend", 0.9, 3.0, "averages +2.10 ATR apart, ADX 31"),
    ("momentum", 0.4, 2.0, "RSI 63, MACD histogram +0.21 ATR"),
    ("volatility", 0.0, 1.0, "bands 0.9 × as wide as usual, close at +0.40 of them"),
    ("structure", 0.65, 2.5, "structure bullish, event bos_up, 3 zones below, 1 above"),
    ("flow", -0.2, 1.5, "takers bought 40% of the volume"),
    ("imbalance", -0.6, 0.5, "best bid 1, best ask 4"),
    ("carry", -0.05, 1.0, "funding +0.0150%, premium +0.0100%"),
    ("forecast", None, 3.0, "no valid forecast"),
]
def bars(symbol, interval):
    rows = Candle.objects.filter(
        series__venue="simulator", series__symbol=symbol, series__interval=interval
    ).order_by("-open_time")[:40]
    return list(rows)
def plant(symbol, interval, bar, score, direction, **more):
    turn = -1 if direction == "short" else 1
    known = [(v, w) for _, v, w, _ in FACTORS if v is not None]
    return Signal.objects.create(
        scan=scan, venue="simulator", symbol=symbol, interval=interval,
        bar_open=bar.open_time, at=now, price=bar.close, score=score,
        direction=direction, confidence=0.62, prime=score >= 70,
        factors=[
            {"name": n, "value": None if v is None else v * turn, "weight": w,
             "explanation": e}
            for n, v, w, e in FACTORS
        ],
        inputs={"bars_from": bar.open_time - 499 * 900_000, "bars": 500,
                "volume": 12.5, "taker_base": 5.0, "forecast": None},
        **more,
    )
scan = Scan.objects.create(
    venue="simulator", interval="15m", trigger="person", requested_by="admin",
    requested_at=now, state="done", started_at=now, elapsed_seconds=0.8,
    total_symbols=140, done=140, scanned=137,
)
made = []
for number, bar in enumerate(reversed(bars("BTCUSDT", "15m")[1:30:6])):
    side = ("long", "short")[number % 2]
    made.append(plant("BTCUSDT", "15m", bar, 55 + 6 * number, side))
for number, symbol in enumerate(["SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT"]):
    bar = bars(symbol, "1h")[0]
    made.append(plant(symbol, "1h", bar, 12 + 9 * number, "short"))
eth = plant("ETHUSDT", "15m", bars("ETHUSDT", "15m")[26], 91, "long",
            win_probability=0.58)
for horizon, value in ((1, 0.0042), (4, -0.0013), (24, 0.0151)):
    SignalOutcome.objects.create(
        signal=eth, horizon=horizon, exit_open=eth.bar_open + horizon * 900_000,
        exit_price=eth.price * (1 + value), net_return=value,
    )
made.append(eth)
calibration = [(0, 40, 310, 147, -0.0011), (40, 55, 268, 133, -0.0004),
               (55, 70, 171, 92, 0.0006), (70, 85, 64, 39, 0.0021), (85, 100, 9, 6, 0.004)]
for low, high, outcomes, wins, mean in calibration:
    Calibration.objects.create(
        venue="simulator", source="live", interval="15m", horizon=4, score_from=low,
        score_to=high, outcomes=outcomes, wins=wins, mean_return=mean,
    )
for number, (name, *_) in enumerate(FACTORS):
    FactorRecord.objects.create(
        venue="simulator", source="live", interval="15m", horizon=4, factor=name,
        outcomes=822, correlation=None if name == "forecast" else 0.08 - 0.02 * number,
        hit_rate=None if name == "forecast" else 0.54 - 0.01 * number,
    )
FIELDS = ("id", "symbol", "interval", "bar_open", "at", "price", "score", "direction",
          "confidence", "win_probability", "prime", "factors", "inputs")
def answer(row):
    outcomes = {str(item.horizon): item.net_return for item in row.outcomes.all()}
    return {**{f: getattr(row, f) for f in FIELDS}, "scan": row.scan_id,
            "outcomes": {h: outcomes.get(h) for h in ("1", "4", "24")}}
print("PLANTED" + json.dumps({
    "signals": [answer(row) for row in reversed(made)],
    "bins": list(Calibration.objects.order_by("score_from").values(
        "score_from", "score_to", "outcomes", "wins", "mean_return")),
    "factors": list(FactorRecord.objects.values(
        "factor", "outcomes", "correlation", "hit_rate")),
}))
"""


def plant(shell):
    """Store signals, their outcomes and a calibration; return what the routes answer of them."""
    return json.loads(shell(PLANT).partition("PLANTED")[2])
