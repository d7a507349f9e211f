"""Random numbers without state: a counter and a key give the number.

``splitmix64`` (Steele, Lea, Flood 2014) is used as a hash, so that any minute of any
symbol can be computed alone, in any order, by any process, with the same result.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Hashes: TypeAlias = npt.NDArray[np.uint64]

_MASK = 0xFFFFFFFFFFFFFFFF
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_U30, _U27, _U31, _U32, _U11 = (np.uint64(shift) for shift in (30, 27, 31, 32, 11))
_LOW = np.uint64(0xFFFFFFFF)


def mix(value: int) -> int:
    """Hash of one 64-bit number."""
    value = (value + _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def key(seed: int, *parts: int | str) -> int:
    """A 64-bit key of its own for each (seed, parts)."""
    result = mix(seed & _MASK)
    for part in parts:
        if isinstance(part, str):
            for byte in part.encode():
                result = mix(result ^ byte)
        result = mix(result ^ (part if isinstance(part, int) else len(part)) & _MASK)
    return result


def mix_array(values: Hashes) -> Hashes:
    """Hashes of an array of 64-bit numbers (wraps around by design)."""
    mixed = values + np.uint64(_GOLDEN)
    mixed = (mixed ^ (mixed >> _U30)) * np.uint64(_FIRST)
    mixed = (mixed ^ (mixed >> _U27)) * np.uint64(_SECOND)
    return mixed ^ (mixed >> _U31)


def hashes(of_key: int | Hashes, counters: Ints) -> Hashes:
    """Hash of each counter under the key (or under the key of the same place)."""
    keys = np.uint64(of_key) if isinstance(of_key, int) else of_key
    return mix_array(mix_array(counters.astype(np.uint64)) ^ keys)


def uniform_of(hashed: Hashes) -> Floats:
    """Numbers in [0, 1) out of hashes."""
    return (hashed >> _U11).astype(np.float64) * 2.0**-53


def uniform(of_key: int | Hashes, counters: Ints) -> Floats:
    return uniform_of(hashes(of_key, counters))


def normal_of(hashed: Hashes) -> Floats:
    """Standard normal numbers out of hashes (Box-Muller on the two halves)."""
    radius = ((hashed >> _U32).astype(np.float64) + 1.0) * 2.0**-32
    angle = (hashed & _LOW).astype(np.float64) * (2.0 * np.pi * 2.0**-32)
    result: Floats = np.sqrt(-2.0 * np.log(radius)) * np.cos(angle)
    return result


def normal(of_key: int | Hashes, counters: Ints) -> Floats:
    return normal_of(hashes(of_key, counters))
