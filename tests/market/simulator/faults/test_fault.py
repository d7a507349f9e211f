import pytest
from pydantic import ValidationError

from market.simulator.faults.fault import Fault
from market.simulator.faults.kinds import KINDS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "earthquake"}, "unknown kind 'earthquake'; there are tls_flip"),
        ({"kind": "rst", "path": "/fapi/*"}, "rst cannot be chosen by path"),
        ({"kind": "rest", "answer": "503B", "connection": 1}, "chosen by connection"),
        ({"kind": "rst", "seconds": 3}, "rst takes no seconds"),
        ({"kind": "handshake"}, "handshake needs answer"),
        ({"kind": "handshake", "answer": "200"}, "answer '200': choose from 400, 403"),
        ({"kind": "delist"}, "delist needs symbol"),
        ({"kind": "life"}, "life needs seconds"),
        ({"kind": "certificate", "shape": "pink"}, "choose from expired"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason(options, message):
    with pytest.raises(ValidationError) as refused:
        Fault(**options)
    assert message in str(refused.value)


def test_what_is_not_given_comes_from_the_kind():
    fault = Fault(kind="server_shutdown", **{"for": 3})
    assert (fault.shape, fault.seconds, fault.for_seconds) == ("auto", 10.0, 3.0)


def test_every_kind_says_what_it_does():
    for name, kind in KINDS.items():
        assert kind.says, name
