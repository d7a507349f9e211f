"""Every documented code leads to its class of action."""

import pytest

from market.binance.order_errors import ACTIONS, Action, action_for, banned_until_ms

TABLE = {
    "back_off": "-1003 -1015 -1008 -1034",
    "query": "-1000 -1001 -1006 -1007",
    "resync": "-1021 -5028 -4188",
    "credentials": "-1022 -2014 -2015 -1002 -1109",
    "bug": (
        "-1100 -1101 -1102 -1103 -1104 -1105 -1106 -1111 -1116 -1117 -1115 -1121 -1130 "
        "-1120 -1131"
    ),
    "filter": (
        "-4001 -4002 -4013 -4014 -4003 -4004 -4005 -4023 -4164 -4016 -4024 -4131 -4015 -1013"
    ),
    "refresh": (
        "-2010 -2011 -2013 -2018 -2019 -2020 -2021 -2022 -2025 -2027 -2028 -5021 -5022 "
        "-5027 -4400"
    ),
    "exists": "-4116",
    "done": "-4046 -4059 0 200",
    "mode": "-4061 -4067 -4068 -4531 -4120",
    "new_stream": "-1125",
}
ROWS = [
    (int(code), action) for action, codes in TABLE.items() for code in codes.split()
]


@pytest.mark.parametrize(("code", "action"), ROWS)
def test_a_code_leads_to_its_action(code, action):
    assert action_for(400, code, "whatever") == action


def test_the_table_is_whole():
    assert dict(ROWS) == ACTIONS


@pytest.mark.parametrize(
    ("status", "code", "message", "action"),
    [
        (200, None, "", Action.DONE),
        (0, None, "", Action.QUERY),
        (408, None, "", Action.QUERY),
        (500, None, "", Action.QUERY),
        (502, None, "<html>", Action.QUERY),
        (503, -1000, "Unknown error, please check your request", Action.QUERY),
        (503, None, "Unknown error, please try again later.", Action.QUERY),
        (503, None, "Service Unavailable.", Action.RETRY),
        (503, -1000, "Service Unavailable.", Action.RETRY),
        (503, -1007, "Timeout waiting for response", Action.QUERY),
        (503, -1008, "Server is currently overloaded", Action.BACK_OFF),
        (429, -1003, "Too many requests", Action.BACK_OFF),
        (418, -1003, "banned", Action.BACK_OFF),
        (403, None, "<html>CloudFront", Action.BACK_OFF),
        (451, 0, "Service unavailable from a restricted location", Action.STOP),
        (400, -9999, "new code", Action.BUG),
        (401, None, "", Action.BUG),
    ],
)
def test_statuses_without_a_known_code(status, code, message, action):
    assert action_for(status, code, message) == action


def test_the_end_of_a_ban_is_read_from_its_message():
    text = "Way too much request weight used; IP banned until 1659146400000. Please use"
    assert banned_until_ms(text) == 1_659_146_400_000
    assert banned_until_ms("Too many requests") is None
