"""Checks of the way to the exchange: TLS and clock. No key, two small requests."""

import http.client
import json
import time
from urllib.parse import urlsplit

from market.binance import tls
from market.binance.urls import endpoints
from quantai_site.config import Config
from quantai_site.doctor.findings import Finding, fail, ok, warn

TIMEOUT_SECONDS = 5.0
CLOCK_WARN_MS = 500
CLOCK_FAIL_MS = 5_000
REFUSALS = {
    451: "this network is not served by the exchange: use another location",
    403: "a firewall of the exchange refuses this address: wait or use another",
    418: "this address is banned for a while: stop all programs that use it",
    429: "too many requests from this address: slow down",
}


def check_exchange(config: Config) -> list[Finding]:
    """TLS and clock offset of the venue in use."""
    try:
        where = endpoints(config.site.exchange, config.market.simulator_url)
    except ValueError:
        return [ok("exchange", "simulator, starts with ./quantai up")]
    host = urlsplit(where.rest)
    ca = config.market.simulator_ca if config.site.exchange == "simulator" else ""
    connection = http.client.HTTPSConnection(
        host.hostname or "",
        host.port,
        timeout=TIMEOUT_SECONDS,
        context=tls.context(config.ws.ca_file or ca),
    )
    try:
        return _ask(connection, where.rest)
    except (OSError, http.client.HTTPException) as error:
        advice = "look at the network, a proxy, or the CA file"
        return [fail("exchange", f"{where.rest}: {error}", advice)]
    finally:
        connection.close()


def _ask(connection: http.client.HTTPSConnection, base: str) -> list[Finding]:
    connection.connect()
    cipher = getattr(connection.sock, "cipher", lambda: None)() or ("unknown", "", 0)
    found = [ok("tls", f"{base}, {cipher[1]} {cipher[0]}")]
    sent = time.time()
    connection.request("GET", "/fapi/v1/time")
    answer = connection.getresponse()
    body = answer.read()
    received = time.time()
    if answer.status != http.client.OK:
        advice = REFUSALS.get(answer.status, "try again later")
        return [*found, fail("exchange", f"{base} answers {answer.status}", advice)]
    middle_ms = (sent + received) / 2 * 1000
    offset = json.loads(body)["serverTime"] - middle_ms
    return [*found, _clock(offset, (received - sent) * 1000)]


def _clock(offset_ms: float, round_trip_ms: float) -> Finding:
    fact = f"exchange − here {offset_ms:+.0f} ms (round trip {round_trip_ms:.0f} ms)"
    advice = "set the clock with NTP (chrony or systemd-timesyncd)"
    beyond = abs(offset_ms) - round_trip_ms / 2
    if beyond > CLOCK_FAIL_MS:
        return fail("clock", fact, advice)
    if beyond > CLOCK_WARN_MS:
        return warn("clock", fact, advice)
    return ok("clock", fact)
