"""An exchange that counts weight per minute, and clients that talk to it in any order.

Time is simulated: every client's clock is off by a little, every request needs a while
to the exchange and back, and some answers are lost.
"""

import heapq
import itertools
from collections import Counter

from hypothesis import strategies as st

from market.binance.weights import GUARD_MS, Leave

MINUTE = 60_000
BASE = 29_833_000 * MINUTE
LIMIT = 40
# 80 % of the limit is for requests that are not cancels.
SPENDABLE = 32

REQUESTS = st.lists(
    st.fixed_dictionaries(
        {
            "pause": st.sampled_from([0, 0, 1, 30, 300, 900, 4_000, 25_000]),
            "client": st.integers(0, 2),
            "weight": st.integers(1, 12),
            "up": st.sampled_from([0, 5, 200, 700, 3_000]),
            "down": st.sampled_from([0, 5, 200, 700, 3_000]),
            "lost": st.booleans(),
        }
    ),
    max_size=60,
)
SKEWS = st.lists(st.integers(1 - GUARD_MS, GUARD_MS - 1), min_size=3, max_size=3)
START = st.integers(-4_000, 1_000)


async def talk(budgets, requests, skews, start):
    """Let the requests happen; return what the exchange counted in each minute."""
    counted, numbers, events = Counter(), itertools.count(), []
    at = BASE + start
    for request in requests:
        at += request["pause"]
        heapq.heappush(events, (at, next(numbers), "send", request, None))
    while events:
        at, _, what, request, leave = heapq.heappop(events)
        budget, skew = budgets[request["client"]], skews[request["client"]]
        if what == "send":
            leave = await budget.take(request["weight"], now_ms=at + skew, limit=LIMIT)
            if isinstance(leave, Leave):
                arrival = at + request["up"]
                heapq.heappush(
                    events, (arrival, next(numbers), "arrive", request, leave)
                )
        elif what == "arrive":
            minute = at // MINUTE
            counted[minute] += request["weight"]
            if not request["lost"]:
                told = {**request, "told": counted[minute]}
                answered = at + request["down"]
                heapq.heappush(events, (answered, next(numbers), "hear", told, leave))
        else:
            await budget.settle(leave, request["told"], now_ms=at + skew)
    return counted
