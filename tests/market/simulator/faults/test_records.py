import itertools

import pytest

from market.simulator.records import Records, drop, duplicate, flip


def record(content, kind=23):
    return bytes((kind, 3, 3)) + len(content).to_bytes(2, "big") + content


STREAM = [record(b"abc"), record(b"x" * 300), record(b"alert", 21), record(b"tail")]
DATA = b"".join(STREAM)


def in_pieces(records, size):
    pieces = (
        itertools.batched(DATA, size)
        if hasattr(itertools, "batched")
        else (DATA[at : at + size] for at in range(0, len(DATA), size))
    )
    return b"".join(records.pass_on(bytes(piece)) for piece in pieces)


@pytest.mark.parametrize("size", [1, 3, 7, 100, 1000])
def test_without_a_wish_every_byte_passes(size):
    assert in_pieces(Records(), size) == DATA


@pytest.mark.parametrize("size", [1, 3, 7, 100, 1000])
@pytest.mark.parametrize(
    ("damage", "becomes"),
    [
        (flip, record(b"abb")),
        (duplicate, STREAM[0] + STREAM[0]),
        (drop, b""),
    ],
)
def test_one_whole_record_is_damaged_and_the_rest_passes(size, damage, becomes):
    records = Records()
    records.damage_next(damage)
    assert in_pieces(records, size) == becomes + b"".join(STREAM[1:])


def test_a_wish_in_the_middle_of_a_record_meets_the_next_one():
    records = Records()
    sent = records.pass_on(DATA[:20])
    records.damage_next(drop)
    sent += records.pass_on(DATA[20:])
    assert sent == b"".join([STREAM[0], STREAM[1], STREAM[2]])


def test_only_application_data_is_damaged():
    records = Records()
    records.damage_next(drop)
    assert records.pass_on(STREAM[2] + STREAM[3]) == STREAM[2]
