import asyncio
import json
import os
import re
import subprocess
import sys

import psutil
import pytest
from asgiref.sync import sync_to_async
from autobahn.twisted.websocket import WebSocketServerProtocol
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Group
from django.db import connections
from django.test import Client
from uvicorn.protocols.utils import ClientDisconnected
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from accounts.models import User
from core import hub as hub_module
from core import redis as core_redis
from core import topics
from core.access import Role
from core.consumers import ACK_EVERY, MAX_TOPICS, NOT_LOGGED_IN, WINDOW, LiveConsumer
from core.hub import Hub, Listener
from core.push import NewestPublisher, Push, queue_publish
from core.topics import TopicRule
from quantai_site.asgi import application
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
HERE = (b"origin", b"http://localhost")


@pytest.fixture
async def hub(bus, monkeypatch):
    """This process's hub, listening to the real Redis."""
    monkeypatch.setattr(hub_module, "_hub", None)
    running = hub_module.hub()
    await until(lambda: running.connected)
    yield running
    await running.stop()
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


def login(role=Role.VIEWER):
    """The cookie header of somebody who logged in."""
    person = User.objects.create(username=f"a {role}")
    person.groups.add(Group.objects.get_or_create(name=role.value)[0])
    client = Client()
    client.force_login(person)
    return (b"cookie", client.cookies.output(header="", sep=";").strip().encode())


@pytest.fixture
async def cookie(hub):
    return await sync_to_async(login)()


class Page:
    """A browser's end of ``/ws/live``."""

    def __init__(self, *headers, origin=HERE):
        self.socket = WebsocketCommunicator(
            application, "/ws/live", headers=[origin, *headers]
        )

    async def say(self, **message):
        await self.socket.send_json_to(message)

    async def hear(self):
        return await self.socket.receive_json_from(timeout=5)

    async def subscribe(self, *names):
        await self.say(type="subscribe", topics=names)
        return [await self.hear() for _ in names]


@pytest.fixture
async def page(cookie):
    opened = Page(cookie)
    assert (await opened.socket.connect(timeout=5))[0]
    opened.hello = await opened.hear()
    yield opened
    await opened.socket.disconnect()


async def publish(redis, publisher, topic, items):
    pipeline = redis.pipeline(transaction=False)
    publisher.stage(pipeline, topic, items)
    await pipeline.execute()


async def test_the_first_message_tells_the_rules_of_credit(page):
    assert page.hello["type"] == "hello"
    assert page.hello["window"] == WINDOW == 16
    assert page.hello["ack_every"] == ACK_EVERY == 4
    assert page.hello["server_time"] > 1_700_000_000_000
    assert page.hello["version"]


async def test_somebody_without_a_login_is_closed_with_4401(hub):
    stranger = Page()
    assert (await stranger.socket.connect(timeout=5))[0]
    closed = await stranger.socket.receive_output(timeout=5)
    assert closed == {"type": "websocket.close", "code": NOT_LOGGED_IN}
    await stranger.socket.disconnect()


async def test_a_page_of_a_foreign_site_is_refused_before_the_handshake(cookie):
    foreign = Page(cookie, origin=(b"origin", b"https://evil.example"))
    accepted, _ = await foreign.socket.connect(timeout=5)
    assert not accepted


async def test_a_logged_out_session_is_refused(hub, settings):
    name = settings.SESSION_COOKIE_NAME
    page = Page((b"cookie", f"{name}=thisisnosession".encode()))
    await page.socket.connect(timeout=5)
    closed = await page.socket.receive_output(timeout=5)
    assert closed["code"] == NOT_LOGGED_IN
    await page.socket.disconnect()


async def test_a_subscription_is_confirmed_and_then_brings_what_is_published(
    page, redis
):
    (confirmed,) = await page.subscribe("quotes")
    assert confirmed["type"] == "subscribed"
    assert confirmed["topic"] == "quotes"
    assert {"epoch", "seq"} <= confirmed.keys()
    publisher = NewestPublisher(redis, "run")
    await publish(redis, publisher, "quotes", [("BTCUSDT", b'{"k":"BTCUSDT","n":1}')])
    data = await page.hear()
    assert data["type"] == "data"
    assert data["items"] == [{"k": "BTCUSDT", "n": 1}]
    assert data["seq"] == 1


async def test_queued_items_come_once_with_the_number_of_the_last(page, redis):
    await page.subscribe("events")
    for numbers in ((1, 2), (3,)):
        items = [(str(n), b'{"id":%d}' % n) for n in numbers]
        await queue_publish(redis, "events", items, "epoch")
    ids, seq = [], 0
    while seq < 3:
        message = await page.hear()
        assert message["type"] == "queue"
        ids += [item["id"] for item in message["items"]]
        seq = message["seq"]
    assert ids == [1, 2, 3]


async def test_nothing_comes_after_unsubscribing(page, redis):
    await page.subscribe("quotes", "feed")
    await page.say(type="unsubscribe", topics=["quotes"])
    await page.say(type="ping")
    assert (await page.hear())["type"] == "pong"
    publisher = NewestPublisher(redis, "run")
    await publish(redis, publisher, "quotes", [("A", b"{}")])
    await publish(redis, publisher, "feed", [("feed", b'{"k":"feed"}')])
    assert (await page.hear())["topic"] == "feed"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_message"),
        ("{", "bad_message"),
        ("[]", "bad_message"),
        ("{}", "bad_message"),
        ('{"type":7}', "bad_message"),
        ('{"type":"ack","n":"many"}', "bad_message"),
        ('{"type":"subscribe","topics":"quotes"}', "bad_message"),
        ('{"type":"subscribe","topics":["' + "x" * 20_000 + '"]}', "bad_message"),
        ('{"type":"dance"}', "unknown_type"),
        ('{"type":"subscribe","topics":["nothing"]}', "unknown_topic"),
    ],
)
async def test_a_bad_message_gets_an_error_and_the_socket_stays(page, text, code):
    await page.socket.send_input({"type": "websocket.receive", "text": text})
    answer = await page.hear()
    assert answer["type"] == "error"
    assert answer["code"] == code
    assert answer["message"]
    await page.say(type="ping")
    assert (await page.hear())["type"] == "pong"


async def test_a_binary_message_gets_an_error_and_the_socket_stays(page):
    await page.socket.send_to(bytes_data=b"\x00\x01")
    assert (await page.hear())["code"] == "bad_message"
    await page.say(type="ping")
    assert (await page.hear())["type"] == "pong"


async def test_a_topic_may_need_a_permission(page, monkeypatch):
    monkeypatch.setitem(topics._rules, "orders", TopicRule("orders", "accounts.trade"))
    (answer,) = await page.subscribe("orders")
    assert answer["code"] == "forbidden"
    assert answer["topic"] == "orders"


async def test_a_browser_may_not_subscribe_without_end(page):
    names = [f"symbol:S{number}USDT" for number in range(MAX_TOPICS + 1)]
    answers = await page.subscribe(*names)
    assert [a["type"] for a in answers[:-1]] == ["subscribed"] * MAX_TOPICS
    assert answers[-1]["code"] == "too_many"


async def test_no_more_than_the_window_is_sent_before_an_acknowledgement(
    page, redis, hub
):
    await page.subscribe("quotes")
    publisher = NewestPublisher(redis, "run")
    for number in range(3 * WINDOW):
        item = b'{"k":"S%d","n":%d}' % (number % 5, number)
        await publish(redis, publisher, "quotes", [(f"S{number % 5}", item)])
        await until(lambda n=number: hub.topics["quotes"].seq == n + 1)
        await asyncio.sleep(0)
    for _ in range(WINDOW):
        assert (await page.hear())["type"] == "data"
    assert await page.socket.receive_nothing(timeout=0.1)
    await page.say(type="ack", n=WINDOW)
    rest = await page.hear()
    assert {item["k"]: item["n"] for item in rest["items"]} == {
        f"S{n % 5}": n for n in range(3 * WINDOW - 5, 3 * WINDOW)
    }


async def test_a_browser_that_goes_away_is_forgotten(cookie, hub):
    page = Page(cookie)
    await page.socket.connect(timeout=5)
    await page.hear()
    await page.subscribe("quotes", "events")
    assert set(hub.topics) == {"quotes", "events"}
    await page.socket.disconnect()
    assert hub.topics == {}


def closed_by_daphne():
    protocol = WebSocketServerProtocol()
    protocol.state = protocol.STATE_CLOSING
    protocol.sendMessage(b"news")


def closed_by_uvicorn():
    raise RuntimeError(
        "Unexpected ASGI message 'websocket.send', after sending 'websocket.close'."
    )


def away():
    raise ClientDisconnected


@pytest.mark.parametrize("fail", [closed_by_daphne, closed_by_uvicorn, away])
async def test_a_browser_that_closes_while_it_is_told_is_no_error(fail, caplog):
    """The server refuses to send before it tells the consumer of the end."""
    caplog.set_level("INFO")
    sent = []
    served = Hub()

    async def send(message):
        if message["type"] == "websocket.send" and '"data"' in message["text"]:
            fail()
        sent.append(message)

    consumer = LiveConsumer()
    consumer.hub, consumer.permissions, consumer.base_send = served, set(), send
    consumer.listener = Listener(consumer._send_text, WINDOW)
    consumer.pump = asyncio.create_task(consumer.listener.pump(served.topics))
    await consumer._subscribe("quotes")
    await served.apply(Push("quotes", "newest", "run", 1, (("a", b"{}"),)))
    consumer.listener.wake()
    await served.apply(Push("quotes", "newest", "run", 2, (("a", b"{}"),)))
    await asyncio.wait_for(consumer.pump, 5)
    await consumer.disconnect(1001)
    assert [record.getMessage() for record in caplog.records] == []
    assert served.topics == {}


async def test_looking_at_a_symbol_declares_interest_that_ends(page, bus, settings):
    await page.subscribe("symbol:BTCUSDT")
    (entry,) = bus.zrange("quantai:interest:simulator", 0, -1, withscores=True)
    seconds = settings.QUANTAI.market.interest_seconds
    assert entry[0] == b"BTCUSDT"
    left = entry[1] - page.hello["server_time"]
    assert 0 < left <= seconds * 1000 + 10_000


# -- through a real web server ------------------------------------------------------

SERVER = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client
from accounts.models import User
client = Client()
client.force_login(User.objects.create(username="someone"))
from django.conf import settings
name = settings.SESSION_COOKIE_NAME
print("cookie", name + "=" + client.cookies[name].value, flush=True)
from django.db import connections; connections.close_all()
import logging; logging.disable(logging.NOTSET)
from twisted.internet import reactor
from quantai_site.web_servers import serve
from daphne.server import Server
ports = Server.listen_success
def told(self, port):
    ports(self, port)
    print("port", port.getHost().port, flush=True)
Server.listen_success = told
serve("daphne", "127.0.0.1", 0, behind_proxy=False)
"""


@pytest.fixture
def daphne(redis_server, bus, tmp_path):
    """A real daphne in a process of its own: (process, address, headers)."""
    environment = {
        "PATH": os.defpath,
        "DJANGO_SETTINGS_MODULE": "quantai_site.settings",
        "QUANTAI_VAR": str(tmp_path / "var"),
        "REDIS_URL": redis_server.url,
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], env=environment, stdout=subprocess.PIPE
    ) as process:
        said = {}
        try:
            while "port" not in said:
                line = process.stdout.readline().decode()
                assert line, "the web server did not start"
                if match := re.match(r"(cookie|port) (\S+)$", line):
                    said[match[1]] = match[2]
            headers = {"Cookie": said["cookie"]}
            yield psutil.Process(process.pid), f"127.0.0.1:{said['port']}", headers
        finally:
            process.terminate()
            process.communicate(timeout=15)


async def test_through_a_real_web_server_a_silent_browser_costs_no_memory(
    daphne, redis
):
    process, address, headers = daphne
    url, origin = f"ws://{address}/ws/live", f"http://{address}"
    with pytest.raises(ConnectionClosed) as closed:
        async with connect(url, origin=origin, compression=None) as stranger:
            await stranger.recv()
    assert closed.value.rcvd.code == NOT_LOGGED_IN

    def open_page():
        return connect(url, origin=origin, additional_headers=headers, compression=None)

    async with open_page() as stuck, open_page() as reader:
        for socket in (stuck, reader):
            assert json.loads(await socket.recv())["type"] == "hello"
            await socket.send('{"type":"subscribe","topics":["quotes"]}')
            assert json.loads(await socket.recv())["type"] == "subscribed"
        publisher = NewestPublisher(redis, "run")
        state, received, before = {}, 0, process.memory_info().rss
        padding = "x" * 200
        for turn in range(1, 401):
            items = [
                (f"S{n}", f'{{"k":"S{n}","n":{turn},"x":"{padding}"}}'.encode())
                for n in range(140)
            ]
            await publish(redis, publisher, "quotes", items)
            received = await read(reader, state, received, turn, last=turn == 400)
        grown = process.memory_info().rss - before
        assert set(state.values()) == {400}
        # 400 messages of 35 kB would be 14 MB for the browser that reads nothing.
        assert grown < 10 * 2**20
        heard = [json.loads(await stuck.recv()) for _ in range(WINDOW)]
        assert all(message["type"] == "data" for message in heard)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await stuck.recv()


async def read(socket, state, received, turn, *, last):
    """Take what has come and acknowledge it; at the end until all is new."""
    async with asyncio.timeout(20):
        while True:
            message = json.loads(await socket.recv())
            received += 1
            if received % ACK_EVERY == 0:
                await socket.send(json.dumps({"type": "ack", "n": received}))
            state.update((item["k"], item["n"]) for item in message["items"])
            newest = min(state.values(), default=0) >= turn
            if newest or not last:
                return received
