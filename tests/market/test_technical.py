import pytest

from market import technical
from market.config import IndicatorSettings
from quantai_site import config


@pytest.fixture(autouse=True)
def _fresh():
    technical.technical_engine.cache_clear()
    yield
    technical.technical_engine.cache_clear()


def test_a_process_has_one_engine():
    assert technical.technical_engine() is technical.technical_engine()


def test_the_settings_say_how_to_compute_and_what_is_remembered(settings, monkeypatch):
    wanted = IndicatorSettings(cache_ttl=12.0, cache_entries=7, use_talib=True)
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"indicator": wanted})
    given = {}
    monkeypatch.setattr(
        technical, "EliteTechnicalEngine", lambda **kw: given.update(kw)
    )
    technical.technical_engine()
    assert given == {"cache_ttl": 12.0, "cache_entries": 7, "use_talib": True}


def test_unless_told_so_no_process_pays_for_the_memory_of_talib():
    assert technical.technical_engine().backend == "numpy"


def test_the_time_to_live_has_its_published_name(tmp_path):
    read = config.load({"INDICATOR_CACHE_TTL": "60"}, folder=tmp_path)
    assert read.indicator.cache_ttl == 60.0
    assert config.load({}, folder=tmp_path).indicator.cache_ttl == 300.0


def test_a_time_to_live_of_nothing_is_refused_by_name(tmp_path):
    with pytest.raises(config.ConfigError, match="INDICATOR_CACHE_TTL='0'"):
        config.load({"INDICATOR_CACHE_TTL": "0"}, folder=tmp_path)
