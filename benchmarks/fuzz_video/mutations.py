"""How the bytes of a file are damaged: the same for the same seed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

HEADER_BYTES = 1500


def mutations(seeds: list[Path], count: int, *, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of damaged files, the same for the same seed."""
    contents = [path.read_bytes() for path in seeds]
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        which = number % len(seeds)
        yield f"{number:06d}_{seeds[which].name}", mutated(contents[which], rng)


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file in one of six ways."""
    data = bytearray(content)
    ways = (_flip, _truncate, _edit_header, _edit_end, _blank, _repeat)
    return bytes(ways[rng.integers(len(ways))](data, rng))


def _flip(data: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, len(data), int(rng.integers(1, 64))):
        data[place] = rng.integers(256)
    return data


def _truncate(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: int(rng.integers(0, len(data)))]


def _edit_header(data: bytearray, rng: np.random.Generator) -> bytearray:
    return _edit(data, rng, start=0, end=min(HEADER_BYTES, len(data)))


def _edit_end(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Tables of MP4 and AVI lie at the end."""
    return _edit(data, rng, start=max(0, len(data) - 3 * HEADER_BYTES), end=len(data))


def _edit(data: bytearray, rng: np.random.Generator, *, start: int, end: int) -> bytearray:
    extremes = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xff\xff", b"\x80\0\0\0")
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.integers(start, end))
        data[place : place + 4] = extremes[rng.integers(len(extremes))]
    return data


def _blank(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 4000))
    data[start : start + length] = bytes(len(data[start : start + length]))
    return data


def _repeat(data: bytearray, rng: np.random.Generator) -> bytearray:
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 4000))
    place = int(rng.integers(len(data)))
    return data[:place] + data[start : start + length] + data[place:]
