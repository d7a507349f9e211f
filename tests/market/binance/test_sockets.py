"""Both socket edges, judged by the same real faults."""

import asyncio
import contextlib
import http
import ssl

import pytest
import trustme

from market.binance import tls
from market.binance.config import WsSettings
from market.binance.failures import (
    HandshakeRefused,
    StreamEnded,
    WebSocketErrorType,
    classify_error,
)
from market.binance.sockets import dialer
from tests.market.binance.exchange import exchange, flip_one_byte, half, reset, twice

SETTINGS = WsSettings(close_timeout=0.3, ssl_timeout=1.0, max_message_bytes=2**20)


class Heard:
    def __init__(self):
        self.messages = []
        self.pongs = []
        self.news = asyncio.Event()

    def on_read(self):
        pass

    def on_message(self, raw):
        self.messages.append(raw)
        self.news.set()

    def on_pong(self, payload):
        self.pongs.append(payload)
        self.news.set()

    async def until(self, condition):
        async with asyncio.timeout(5):
            while not condition():
                self.news.clear()
                await self.news.wait()


async def failure(awaitable):
    """What the awaitable raises within 5 s."""
    try:
        async with asyncio.timeout(5):
            await awaitable
    except Exception as error:
        return error
    raise AssertionError("it ended without a failure")


@pytest.fixture(params=["websockets", "picows"])
def dial(request):
    return dialer(request.param)


async def steady(connection):
    number = 0
    while True:
        number += 1
        await connection.send(
            f'{{"stream":"btcusdt@aggTrade","data":{{"n":{number}}}}}'
        )
        await asyncio.sleep(0.01)


async def silent(connection):
    await connection.wait_closed()


async def test_messages_arrive_in_order_as_bytes(dial):
    async with exchange(steady) as server:
        heard = Heard()
        socket = await dial(server.url, heard, SETTINGS, server.context)
        job = asyncio.create_task(socket.run())
        await heard.until(lambda: len(heard.messages) >= 5)
        job.cancel()
        await socket.close()
        assert b'"n":1}' in heard.messages[0]
        assert all(isinstance(message, bytes) for message in heard.messages)
        assert socket.tls["version"] in ("TLSv1.2", "TLSv1.3")


async def test_a_message_in_several_frames_arrives_whole(dial):
    async def parts(connection):
        await connection.send(iter(["one", "two", "three"]))
        await connection.wait_closed()

    async with exchange(parts) as server:
        heard = Heard()
        socket = await dial(server.url, heard, SETTINGS, server.context)
        job = asyncio.create_task(socket.run())
        await heard.until(lambda: heard.messages)
        job.cancel()
        await socket.close()
        assert heard.messages == [b"onetwothree"]


async def test_our_ping_is_answered_with_its_payload(dial):
    async with exchange(silent) as server:
        heard = Heard()
        socket = await dial(server.url, heard, SETTINGS, server.context)
        job = asyncio.create_task(socket.run())
        socket.ping(b"17")
        await heard.until(lambda: heard.pongs)
        job.cancel()
        await socket.close()
        assert heard.pongs == [b"17"]


async def test_the_servers_ping_gets_its_own_payload_back(dial):
    answered = asyncio.Event()

    async def pinging(connection):
        waiter = await connection.ping(b"from the exchange")
        await waiter
        answered.set()
        await connection.wait_closed()

    async with exchange(pinging) as server:
        socket = await dial(server.url, Heard(), SETTINGS, server.context)
        job = asyncio.create_task(socket.run())
        async with asyncio.timeout(5):
            await answered.wait()
        job.cancel()
        await socket.close()


async def test_text_that_we_send_reaches_the_server(dial):
    got = asyncio.Queue()

    async def listening(connection):
        await got.put(await connection.recv())
        await connection.wait_closed()

    async with exchange(listening) as server:
        socket = await dial(server.url, Heard(), SETTINGS, server.context)
        job = asyncio.create_task(socket.run())
        socket.send('{"method":"SUBSCRIBE"}')
        async with asyncio.timeout(5):
            assert await got.get() == '{"method":"SUBSCRIBE"}'
        job.cancel()
        await socket.close()


@pytest.mark.parametrize(
    ("hurt", "kind"),
    [
        (flip_one_byte, WebSocketErrorType.SSL),
        (twice, WebSocketErrorType.SSL),
        (reset, WebSocketErrorType.NETWORK),
        (half, WebSocketErrorType.NETWORK),
    ],
)
async def test_a_damaged_stream_ends_with_its_class(dial, hurt, kind):
    async with exchange(steady) as server:
        heard = Heard()
        socket = await dial(server.url, heard, SETTINGS, server.context)
        job = asyncio.create_task(socket.run())
        await heard.until(lambda: heard.messages)
        server.wire.hurt = hurt
        error = await failure(job)
        assert classify_error(error) is kind
        await socket.close()


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012])
async def test_a_close_frame_is_a_failure_that_names_the_code(dial, code):
    async def closing(connection):
        await connection.send("{}")
        await connection.close(code, "because")

    async with exchange(closing) as server:
        socket = await dial(server.url, Heard(), SETTINGS, server.context)
        error = await failure(socket.run())
        assert str(code) in str(error)
        assert classify_error(error) is WebSocketErrorType.PROTOCOL
        await socket.close()


async def test_a_message_over_the_limit_ends_the_connection(dial):
    async def huge(connection):
        await connection.send("x" * (2**20 + 1))
        await connection.wait_closed()

    async with exchange(huge) as server:
        heard = Heard()
        socket = await dial(server.url, heard, SETTINGS, server.context)
        error = await failure(socket.run())
        assert classify_error(error) is WebSocketErrorType.PROTOCOL
        assert heard.messages == []
        await socket.close()


@pytest.mark.parametrize("status", [400, 403, 418, 429, 451, 503])
async def test_a_refused_handshake_gives_status_body_and_wait(dial, status):
    def refuse(connection, request):
        response = connection.respond(http.HTTPStatus(status), '{"code":-1003}')
        response.headers["Retry-After"] = "7"
        return response

    async with exchange(silent, process_request=refuse) as server:
        with pytest.raises(HandshakeRefused) as caught:
            await dial(server.url, Heard(), SETTINGS, server.context)
        assert caught.value.status == status
        assert "-1003" in str(caught.value)
        assert caught.value.retry_after == 7
        assert caught.value.fatal is (status == 451)
        assert classify_error(caught.value) is WebSocketErrorType.PROTOCOL


async def test_a_handshake_that_hangs_times_out(dial):
    async with exchange(silent) as server:
        server.wire.black_hole = True
        error = await failure(dial(server.url, Heard(), SETTINGS, server.context))
        assert classify_error(error) is WebSocketErrorType.TIMEOUT


async def test_an_unknown_authority_is_refused(dial):
    async with exchange(silent) as server:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await dial(server.url, Heard(), SETTINGS, tls.context())
        assert classify_error(caught.value) is WebSocketErrorType.SSL


async def test_a_certificate_for_another_host_is_refused(dial):
    async with exchange(silent, host="example.com") as server:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await dial(server.url, Heard(), SETTINGS, server.context)
        assert classify_error(caught.value) is WebSocketErrorType.SSL


async def test_a_port_nobody_listens_on_is_a_network_error(dial):
    async with exchange(silent) as server:
        url = server.url
    error = await failure(dial(url, Heard(), SETTINGS, server.context))
    assert classify_error(error) is WebSocketErrorType.NETWORK


async def test_while_reading_is_paused_nothing_is_heard_and_nothing_is_lost(dial):
    async def counting(connection):
        for number in range(2000):
            await connection.send(f"{number} " + "x" * 1000)
        await connection.wait_closed()

    async with exchange(counting) as server:
        heard = Heard()
        socket = await dial(server.url, heard, SETTINGS, server.context)
        socket.pause()
        job = asyncio.create_task(socket.run())
        await asyncio.sleep(0.2)
        held = len(heard.messages)
        socket.resume()
        await heard.until(lambda: len(heard.messages) == 2000)
        job.cancel()
        await socket.close()
        assert held < 2000
        assert [int(m.split()[0]) for m in heard.messages] == list(range(2000))


async def test_closing_a_black_holed_connection_takes_no_longer_than_the_timeout(dial):
    async with exchange(steady) as server:
        heard = Heard()
        socket = await dial(server.url, heard, SETTINGS, server.context)
        job = asyncio.create_task(socket.run())
        await heard.until(lambda: heard.messages)
        server.wire.black_hole = True
        job.cancel()
        async with asyncio.timeout(SETTINGS.close_timeout + 2):
            await socket.close()


def test_tls_below_1_2_and_weak_ciphers_are_not_offered(tmp_path):
    authority = trustme.CA()
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    context = tls.context(str(path))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname is True
    names = [cipher["name"] for cipher in context.get_ciphers()]
    assert all("GCM" in n or "CHACHA20" in n for n in names)
    assert all(n.startswith(("TLS_", "ECDHE")) for n in names)


def test_stream_ended_keeps_the_close_code():
    assert StreamEnded(1008, "Too many requests").code == 1008


class Mute:
    """Takes connections over TLS and answers no upgrade."""

    def __init__(self):
        self.asked = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        self.asked.set()
        with contextlib.suppress(OSError):
            await reader.read()
        self.ended.set()
        writer.close()


@pytest.fixture
async def mute():
    """(the server's side, its URL, a context that trusts it)"""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    side = Mute()
    server = await asyncio.start_server(side, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    yield side, f"wss://localhost:{port}/ws", trusting
    server.close()


async def test_a_dial_that_is_called_off_leaves_no_connection_open(dial):
    """Just when the exchange has taken it and the answer is on its way."""
    ended = asyncio.Event()

    async def called_off(connection):
        job.cancel()
        await connection.wait_closed()
        ended.set()

    async with exchange(called_off) as server:
        heard = Heard()
        job = asyncio.create_task(dial(server.url, heard, SETTINGS, server.context))
        await asyncio.gather(job, return_exceptions=True)
        assert job.cancelled()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_dial_that_takes_too_long_leaves_no_connection_open(dial, mute):
    side, url, context = mute
    impatient = SETTINGS.model_copy(update={"ssl_timeout": 0.3})
    error = await failure(dial(url, Heard(), impatient, context))
    assert classify_error(error) is WebSocketErrorType.TIMEOUT
    async with asyncio.timeout(5):
        await side.ended.wait()
