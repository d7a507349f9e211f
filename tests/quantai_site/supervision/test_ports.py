import socket

import pytest

from quantai_site.site_settings import is_loopback
from quantai_site.supervision.page import answers, reachable_host
from quantai_site.supervision.ports import PortTakenError, choose, listening


def test_zero_means_any_free_port():
    assert choose("127.0.0.1", 0) > 1024


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} on 127.0.0.1"):
            choose("127.0.0.1", port)


def test_a_listening_port_is_recognised():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert not listening(port)
        server.listen()
        assert listening(port)


def test_a_server_on_every_address_is_asked_on_loopback():
    assert reachable_host("0.0.0.0") == "127.0.0.1"
    assert reachable_host("::") == "::1"
    assert reachable_host("127.0.0.1") == "127.0.0.1"


def test_nobody_answers_on_a_free_port():
    assert not answers("127.0.0.1", choose("127.0.0.1", 0), as_host="localhost")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("[::1]", True), ("0.0.0.0", False)],
)
def test_only_loopback_is_not_production(host, loopback):
    assert is_loopback(host) is loopback
