import time

import pytest
from celery import Celery

from core.errors import BusUnavailable
from quantai_site.celery import app, broker_url
from training import wake


def redirected(settings, url):
    """An application as configured, at another broker."""
    other = Celery("other", set_as_current=False)
    other.conf.update(app.conf.changes, broker_url=broker_url(url))
    settings.CELERY_APP = f"{__name__}.other"
    globals()["other"] = other


def test_who_orders_does_not_wait_for_a_broker_that_is_away(settings):
    redirected(settings, "redis://127.0.0.1:1/0")
    began = time.monotonic()
    with pytest.raises(BusUnavailable, match="cannot be woken"):
        wake.workers(7)
    # Celery would try again for minutes.
    assert time.monotonic() - began < 30


def test_an_order_names_the_study(bus, settings, redis_server):
    redirected(settings, redis_server.url)
    wake.workers(7)
    wake.worker(8)
    assert bus.llen("quantai:celery:default") == 1
    assert bus.llen("quantai:celery:training") == 1
