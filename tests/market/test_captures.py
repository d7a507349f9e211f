"""Lines of every recorder's format become frames."""

import gzip

import pytest

from market.captures import Frame, frame_of, frames

RAW = b'{"e":"x"}'


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        (b"1723161255088156767 " + RAW, Frame(1723161255088, RAW)),
        (b"1723161255088156 " + RAW, Frame(1723161255088, RAW)),
        (b"1626992741.06217: " + RAW, Frame(1626992741062, RAW)),
        (b"1626992741: [1]", Frame(1626992741000, b"[1]")),
        (
            b"https://x/fapi/v1/depth?symbol=ctkusdt&limit=5 -> 1626992741.5: " + RAW,
            Frame(1626992741500, RAW, "CTKUSDT"),
        ),
        (b"https://x/time -> 1626992741.5: " + RAW, Frame(1626992741500, RAW)),
        (RAW, Frame(0, RAW)),
        (b"nonsense", Frame(0, b"nonsense")),
    ],
)
def test_a_line_becomes_a_frame(line, frame):
    assert frame_of(line) == frame


@pytest.mark.parametrize(
    "line", [b"", b"wss://x/stream?streams=a/b <-> 1626992740.1", b"configuration: {}"]
)
def test_headers_and_blank_lines_hold_no_frame(line):
    assert frame_of(line) is None


def test_plain_and_compressed_files_are_read_alike(tmp_path):
    text = b"1626992741.0: " + RAW + b"\n\n1626992742.0: " + RAW + b"\r\n"
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text))
    assert list(frames(plain)) == list(frames(packed))
    assert [frame.received_ms for frame in frames(plain)] == [
        1626992741000,
        1626992742000,
    ]


def test_an_empty_file_holds_nothing_and_a_cut_one_says_so(tmp_path):
    empty, cut = tmp_path / "empty", tmp_path / "cut.gz"
    empty.write_bytes(b"")
    cut.write_bytes(gzip.compress(RAW * 100)[:-10])
    assert list(frames(empty)) == []
    with pytest.raises(EOFError):
        list(frames(cut))
    with pytest.raises(FileNotFoundError):
        list(frames(tmp_path / "missing"))
