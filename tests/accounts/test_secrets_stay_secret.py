"""After everything that touches keys was done, neither database nor logs hold one."""

import asyncio
import contextlib
import logging
import sqlite3
from decimal import Decimal

import pytest
from channels.db import database_sync_to_async
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pydantic import SecretStr

from accounts import account_services as services
from accounts import key_check, keys
from accounts.domain.exchange import NewOrder
from accounts.gateways.binance import BinanceGateway
from accounts.models import ExchangeAccount, User
from core.errors import InvalidInput
from core.logs import JsonFormatter, TextFormatter
from market.binance import urls
from market.binance.private_rest import PrivateRest
from market.binance.rest import BinanceRestClient
from market.binance.signed import SignedCaller
from market.binance.urls import Endpoints
from tests.accounts.vault import use_master_keys, var
from tests.market.binance.desk import (
    KEY,
    SECRET,
    Lost,
    filled,
    hall_of,
    open_desk,
    order,
    refusal,
)
from tests.waiting import until

__all__ = ["var"]

PHRASE = "the-passphrase-of-a-test"
OTHER_KEY = "another-key-of-a-test-0815"
BAD_SECRET = "-----BEGIN PRIVATE KEY-----\nTWFuIGlzIGRpc3Rpbmd1aXNoZWQ=\nnever ends"


@pytest.fixture
def logs(tmp_path):
    """Every event of every logger, in both formats, in one file."""
    path = tmp_path / "log"
    root = logging.getLogger()
    before = root.level
    handlers = [logging.FileHandler(path) for _ in range(2)]
    for handler, formatter in zip(
        handlers, (TextFormatter(), JsonFormatter()), strict=True
    ):
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield path
    root.setLevel(before)
    for handler in handlers:
        root.removeHandler(handler)
        handler.close()


def pem():
    key = rsa.generate_private_key(65537, 2048)
    how = BestAvailableEncryption(PHRASE.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


def stored(folder):
    """Everything in the database: the bytes of its file, or all rows as text."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        path = folder / "copy.sqlite3"
        with contextlib.closing(sqlite3.connect(path)) as copy:
            connection.connection.backup(copy)
        return path.read_bytes()
    text = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            text += [row[0] for row in cursor.fetchall()]
    return "\n".join(text).encode()


def secrets_set(account, key, secret, phrase=""):
    return services.keys_set(
        account,
        actor="boss",
        api_key=SecretStr(key),
        api_secret=SecretStr(secret),
        passphrase=SecretStr(phrase),
    )


def write_accounts(private_key):
    """Accounts by services and by the admin, with keys that are taken and refused."""
    keys.check_master_key()
    hmac = services.account_create(
        actor="boss", venue="testnet", name="hmac", mode="exchange"
    )
    secrets_set(hmac, OTHER_KEY, "a-first-secret-of-a-test")
    hmac = secrets_set(hmac, KEY, SECRET)
    signed = services.account_create(actor="boss", venue="testnet", name="pem")
    signed = secrets_set(signed, OTHER_KEY, private_key, PHRASE)
    with pytest.raises(InvalidInput):
        secrets_set(signed, OTHER_KEY, BAD_SECRET)
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("boss", password="x"))
    fields = {
        "venue": "testnet", "name": "form", "account_type": "PRIMARY", "weight": "1",
        "mode": "exchange", "position_mode": "one_way", "starting_balance": "1",
        "api_key": OTHER_KEY, "api_secret": private_key, "passphrase": PHRASE,
    }  # fmt: skip
    add = "/admin/accounts/exchangeaccount/add/"
    client.post(add, fields | {"passphrase": "wrong"})
    assert client.post(add, fields).status_code == 302
    return hmac, signed


def rotate_and_fail(settings, folder):
    """Rotations, and a start with a master key that does not fit; returns all keys."""
    seen = keys.read_file(keys.key_file())
    call_command("rotate_keys")
    seen += keys.read_file(keys.key_file())
    use_master_keys(settings, keys=seen[:1])
    with pytest.raises(CommandError):
        call_command("rotate_keys")
    try:
        keys.credentials(ExchangeAccount.objects.first())
    except keys.MasterKeyProblem:
        logging.getLogger("accounts").exception("as it would be logged")
    use_master_keys(settings, var=folder, keys=())
    keys.check_master_key()
    return seen


async def trade(desk, account):
    """A gateway with the decrypted key: orders done, refused, lost; its stream."""
    held = await database_sync_to_async(keys.credentials)(account)
    logging.getLogger("accounts").debug("held: %r, %s", held, vars(held))
    rest = BinanceRestClient(Endpoints(desk.url, ""))
    await rest.initialize()
    caller = SignedCaller(
        rest, api_key=held.api_key.get_secret_value(), signer=held.signer
    )
    gateway = BinanceGateway(
        account.name,
        PrivateRest(caller),
        hall_of(desk, quiet=0.5),
        connection="private-1",
        report=lambda event: logging.getLogger("report").debug("%r", event),
    )
    listening = asyncio.create_task(_listen(gateway))
    try:
        await gateway.start()
        await until(lambda: desk.sockets)
        for answer in (
            order(),
            refusal(-2019, "Margin is insufficient."),
            lambda _: Lost,
        ):
            desk.on("POST /fapi/v1/order", answer)
            made = NewOrder("c-1", "BTCUSDT", "BUY", "LIMIT", Decimal(1), Decimal(9))
            await gateway.place(made)
        await desk.push(filled(), {"e": "ORDER_TRADE_UPDATE", "broken": True})
        desk.on("GET /fapi/v1/openOrders", refusal(-2015, "Invalid API-key.", 401))
        with pytest.raises(Exception, match="Invalid API-key"):
            await gateway.picture()
    finally:
        await gateway.close()
        await listening
        await rest.aclose()


async def _listen(gateway):
    async for news in gateway.events():
        logging.getLogger("news").debug("%r", news)


@pytest.mark.django_db(transaction=True)
async def test_database_and_logs_hold_no_secret_in_clear(
    logs, var, bus, settings, monkeypatch, tmp_path
):
    private_key = pem()
    hmac, signed = await database_sync_to_async(write_accounts)(private_key)
    async with open_desk() as desk:
        monkeypatch.setitem(urls.VENUES, "testnet", Endpoints(desk.url, ""))
        desk.on("GET /fapi/v1/accountConfig", {"canTrade": True})
        found = await key_check.keys_check([hmac, signed], venue="testnet", actor="x")
        assert [one.verdict.passed for one in found] == [True, False]
        await trade(desk, hmac)
        listen_keys = [each["listenKey"] for each in desk.dials]
        signatures = [one.params.get("signature", "") for one in desk.asked]
    masters = await database_sync_to_async(rotate_and_fail)(settings, var)
    await database_sync_to_async(services.keys_clear)(signed, actor="boss")

    database = await database_sync_to_async(stored)(tmp_path)
    logged = logs.read_bytes()
    assert b"account hmac (testnet)" in database
    assert b"audit #" in logged
    assert logged.count(b"cannot be decrypted") >= 2
    secrets = {
        *(KEY, SECRET, OTHER_KEY, PHRASE, "a-first-secret-of-a-test"),
        *(line for line in private_key.splitlines()[1:-1]),
        *(BAD_SECRET.splitlines()[1], *masters, *listen_keys, *signatures),
    } - {""}
    assert len(masters) == 2
    assert len(listen_keys) >= 1
    assert len(signatures) > 5
    assert {one for one in secrets if one.encode() in database} == set()
    assert {one for one in secrets if one.encode() in logged} == set()
