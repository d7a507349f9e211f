import os
import stat
import subprocess
import time

import pytest
import redis

from quantai_site import embedded_redis
from quantai_site.site_settings import SiteSettings


@pytest.fixture
def site(tmp_path):
    yield SiteSettings(var=tmp_path / "a var")
    folder = embedded_redis.socket_folder(tmp_path / "a var")
    for path in folder.glob("*"):
        path.unlink()
    if folder.is_dir():
        folder.rmdir()


def test_the_server_answers_on_a_private_socket_and_opens_no_port(site):
    process = subprocess.Popen(embedded_redis.command(site), stdout=subprocess.PIPE)
    client = redis.Redis.from_url(embedded_redis.url(site.var))
    try:
        _wait_for(client)
        assert client.config_get("port") == {"port": "0"}
        assert client.config_get("save") == {"save": ""}
        folder = embedded_redis.socket_folder(site.var)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert len(os.fsencode(folder / "redis.sock")) < 100
    finally:
        client.close()
        process.terminate()
        process.communicate(timeout=10)


def _wait_for(client):
    deadline = time.monotonic() + 10
    while True:
        try:
            return client.ping()
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.02)


def test_a_socket_folder_that_others_may_enter_is_refused(site):
    folder = embedded_redis.socket_folder(site.var)
    folder.mkdir(mode=0o700)
    folder.chmod(0o777)
    with pytest.raises(embedded_redis.RedisUnavailableError, match="this user alone"):
        embedded_redis.make_socket_folder(site.var)


def test_without_the_wheel_the_program_on_the_path_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded_redis, "find_spec", lambda name: None)
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert embedded_redis.binary() == str(program)


def test_without_any_program_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(embedded_redis, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(embedded_redis.RedisUnavailableError, match="set REDIS_URL"):
        embedded_redis.binary()
