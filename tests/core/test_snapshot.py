from core import snapshot


def pipe(bus, change, *args):
    pipeline = bus.pipeline()
    change(pipeline, *args)
    pipeline.execute()


def test_what_is_staged_is_read_back_by_field(bus):
    pipe(bus, snapshot.stage, "simulator", "quotes", [("A", b"1"), ("B", b"2")])
    pipe(bus, snapshot.stage, "simulator", "quotes", [("B", b"3")])
    assert snapshot.read(bus, "simulator", "quotes") == {"A": b"1", "B": b"3"}
    assert snapshot.read_one(bus, "simulator", "quotes", "B") == b"3"


def test_after_a_replacement_nothing_old_is_left(bus):
    pipe(bus, snapshot.stage, "simulator", "quotes", [("A", b"1"), ("B", b"2")])
    pipe(bus, snapshot.stage_replace, "simulator", "quotes", [("C", b"3")])
    assert snapshot.read(bus, "simulator", "quotes") == {"C": b"3"}


def test_replacing_by_nothing_empties_the_table(bus):
    pipe(bus, snapshot.stage, "simulator", "quotes", [("A", b"1")])
    pipe(bus, snapshot.stage_replace, "simulator", "quotes", [])
    assert snapshot.read(bus, "simulator", "quotes") == {}


def test_staging_nothing_writes_nothing(bus):
    pipe(bus, snapshot.stage, "simulator", "quotes", [])
    assert bus.keys() == []


def test_venues_and_tables_do_not_mix(bus):
    pipe(bus, snapshot.stage, "simulator", "quotes", [("A", b"1")])
    assert snapshot.read(bus, "binance", "quotes") == {}
    assert snapshot.read_one(bus, "simulator", "bars", "A") is None
