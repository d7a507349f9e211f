"""Captured frames and the folder of captures, for tests of any app."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
CAPTURES = FOLDER.parents[2] / "shared" / "data" / "binance"
TRAINING = CAPTURES.parent / "training"

needs_captures = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason=f"no captures at {CAPTURES}"
)
needs_training = pytest.mark.skipif(
    not TRAINING.is_dir(), reason=f"no series under {TRAINING}"
)


def golden_frames() -> list[bytes]:
    """Return one captured frame of each kind, byte for byte."""
    return (FOLDER / "golden_frames.jsonl").read_bytes().splitlines()
