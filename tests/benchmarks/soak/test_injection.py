"""From the plan to the deed: what is armed, struck, taken back, and when."""

import pytest

from benchmarks.soak import injection
from benchmarks.soak.injection import Injector
from benchmarks.soak.recipes import BY_KIND
from benchmarks.soak.schedule import Planned


class Exchange:
    def __init__(self):
        self.armed = []
        self.disarmed = []
        self.open = [11, 12, 13, 14]

    def connections(self):
        return self.open

    def arm(self, options):
        self.armed.append(dict(options))
        return len(self.armed)

    def disarm(self, number):
        self.disarmed.append(number)

    def hits(self):
        return dict.fromkeys(range(1, len(self.armed) + 1), 7)


class Plant:
    def __init__(self):
        self.done = []

    def __getattr__(self, verb):
        return lambda name: self.done.append((verb, name))


@pytest.fixture
def scene(monkeypatch):
    class Scene:
        exchange, plant = Exchange(), Plant()
        now = 1_000
        ready = True

    injector = Injector(Scene.plant, Scene.exchange, lambda name: Scene.ready)
    monkeypatch.setattr(injection, "_now_ms", lambda: Scene.now)
    Scene.injector = injector
    return Scene


def planned(kind, lasting=0.0, *, pick=None, **options):
    return Planned(1, 2.0, kind, lasting, options, pick, BY_KIND[kind])


def test_one_of_the_open_connections_is_picked(scene):
    scene.injector.begin(planned("rst", pick=0.6))
    scene.exchange.open = []
    scene.injector.begin(planned("rst", pick=0.6))
    scene.injector.begin(planned("rst", route="market"))
    assert scene.exchange.armed == [
        {"kind": "rst", "connection": 13},
        {"kind": "rst"},
        {"kind": "rst", "route": "market"},
    ]


def test_what_is_met_at_the_door_comes_with_a_cut(scene):
    scene.injector.begin(planned("handshake", 2.0, pick=0.0, answer="503B"))
    refusal, cut = scene.exchange.armed
    assert refusal == {"kind": "handshake", "answer": "503B", "for": 3.0}
    assert cut == {"kind": "rst", "connection": 11}


def test_wrong_answers_come_with_bars_that_must_be_asked_for(scene):
    scene.injector.begin(planned("rest", 6.0, answer="html"))
    assert [each["kind"] for each in scene.exchange.armed] == ["rest", "mute"]
    assert scene.exchange.armed[1]["stream"] == "*@kline_1m"


def test_what_lasts_is_taken_back_when_it_is_due_and_not_before(scene):
    injected = scene.injector.begin(planned("mute", 2.5))
    scene.now = 3_400
    scene.injector.end_when_due(injected)
    assert injected.lasts
    assert scene.exchange.disarmed == []
    scene.now = 3_500
    scene.injector.end_when_due(injected)
    assert (injected.ended_ms, injected.hits) == (3_500, 7)
    scene.injector.end_when_due(injected)
    assert scene.exchange.disarmed == [1]


def test_a_ban_lasts_as_long_as_it_says(scene):
    assert scene.injector.begin(planned("ban", seconds=2.0)).due_ms == 3_000


def test_a_killed_exchange_is_started_once_and_over_when_it_serves(scene):
    scene.ready = False
    injected = scene.injector.begin(planned("simulator_kill", 0.5))
    for scene.now in (1_400, 1_500, 1_700):
        scene.injector.end_when_due(injected)
    assert scene.plant.done == [("kill", "simulator"), ("start", "simulator")]
    assert injected.lasts
    scene.ready = True
    scene.now = 2_900
    scene.injector.end_when_due(injected)
    assert injected.ended_ms == 2_900


def test_a_held_feed_is_released(scene):
    injected = scene.injector.begin(planned("feed_pause", 2.0))
    scene.now = 3_000
    scene.injector.end_when_due(injected)
    assert scene.plant.done == [("hold", "feed"), ("release", "feed")]
