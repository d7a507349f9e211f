"""Every documented error code leads to its class of action and so to one outcome."""

import pytest

from accounts.domain.exchange import Outcome
from accounts.gateway import GatewayRefused, GatewayUnavailable
from accounts.gateways.outcomes import KINDS, outcome_of, read_error, together
from market.binance.order_errors import Action
from market.binance.rest_errors import RestGarbled, RestUnavailable, refusal

# The wire facts' table of codes, by what a gateway makes of them.
TABLE = {
    "not_sent": "-1003 -1015 -1008 -1034 -1021 -5028 -4188",
    "unknown": "-1000 -1001 -1006 -1007 -4116",
    "refused": (
        "-1022 -2014 -2015 -1002 -1109 "
        "-1100 -1101 -1102 -1103 -1104 -1105 -1106 -1111 -1116 -1117 -1115 -1121 -1130 "
        "-1120 -1131 "
        "-4001 -4002 -4013 -4014 -4003 -4004 -4005 -4023 -4164 -4016 -4024 -4131 -4015 "
        "-1013 "
        "-2010 -2011 -2013 -2018 -2019 -2020 -2021 -2022 -2025 -2027 -2028 -5021 -5022 "
        "-5027 -4400 -4061 -4067 -4068 -4531 -4120 -1125"
    ),
    "done": "-4046 -4059",
}
ROWS = [(int(code), kind) for kind, codes in TABLE.items() for code in codes.split()]


def failed(status, code=None, message="because"):
    body = message if code is None else f'{{"code":{code},"msg":"{message}"}}'
    return refusal("/fapi/v1/order", status, body.encode())


@pytest.mark.parametrize(("code", "kind"), ROWS)
def test_a_code_leads_to_its_outcome(code, kind):
    outcome = outcome_of(failed(400, code))
    assert (outcome.kind, outcome.code, outcome.message) == (kind, code, "because")


def test_every_action_has_an_outcome():
    assert KINDS.keys() == set(Action)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (failed(408), "unknown"),
        (failed(500), "unknown"),
        (failed(502, message="<html>"), "unknown"),
        (failed(503, -1000, "Unknown error, please check your request"), "unknown"),
        (failed(503, message="Service Unavailable."), "not_sent"),
        (failed(503, -1008, "Server is currently overloaded"), "not_sent"),
        (failed(429, -1003, "Too many requests"), "not_sent"),
        (failed(418, -1003, "banned"), "not_sent"),
        (failed(403, message="<html>CloudFront"), "not_sent"),
        (failed(451, 0, "restricted location"), "refused"),
        (failed(400, -9999, "a code never heard of"), "refused"),
        (RestUnavailable("the connection ended"), "unknown"),
        (RestUnavailable("nobody listens", sent=False), "not_sent"),
        (RestGarbled("the body is cut short", 200), "unknown"),
    ],
)
def test_statuses_and_losses_lead_to_their_outcome(error, kind):
    assert outcome_of(error).kind == kind


def test_a_question_may_be_answered_later_or_never():
    assert isinstance(read_error(failed(500)), GatewayUnavailable)
    assert isinstance(read_error(failed(429, -1003)), GatewayUnavailable)
    never = read_error(failed(401, -2015))
    assert isinstance(never, GatewayRefused)
    assert never.code == -2015


def test_of_several_outcomes_the_one_that_leaves_most_to_do_counts():
    done, refused, unknown = Outcome("done"), Outcome("refused"), Outcome("unknown")
    assert together([done, refused]) is refused
    assert together([refused, unknown, done]) is unknown
    assert together([done, done]) is done
