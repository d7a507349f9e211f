"""A real Redis for the tests: the product's own embedded server on a unix socket."""

import shutil
import subprocess
import time

import redis

from quantai_site import embedded_redis
from quantai_site.site_settings import SiteSettings


class RedisServer:
    def __init__(self, folder):
        self.site = SiteSettings(var=folder / "var")
        self.url = embedded_redis.url(self.site.var)
        self._process = None

    def start(self):
        self._process = subprocess.Popen(
            embedded_redis.command(self.site), stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while not self._answers():
            assert time.monotonic() < deadline, "the Redis server does not answer"
            time.sleep(0.01)

    def _answers(self):
        with redis.Redis.from_url(self.url) as client:
            try:
                return client.ping()
            except redis.ConnectionError:
                return False

    def kill(self):
        """As a crash does: nothing is said to the clients."""
        self._process.kill()
        self._process.wait(10)

    def stop(self):
        self.kill()
        shutil.rmtree(embedded_redis.socket_folder(self.site.var), ignore_errors=True)
