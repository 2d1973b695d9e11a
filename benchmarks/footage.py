"""Made-up footage that costs a decoder about what a kitchen camera's does: a slow pan, moving objects, noise."""

from collections.abc import Iterator

import numpy as np

_NOISE_FRAMES = 8
_OBJECTS = 4


def footage(count: int, *, width: int, height: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield frames, uint8 RGB (height, width, 3), the same for the same arguments."""
    rng = np.random.default_rng(seed)
    scene = _texture(rng, height + 64, width + 64)
    noise = rng.normal(0, 1.5, (_NOISE_FRAMES, height, width, 1)).round().astype(np.int16)
    side = height // 4
    objects = [_texture(rng, side, side) for _ in range(_OBJECTS)]
    phases = rng.uniform(0, 2 * np.pi, (_OBJECTS, 2))
    for i in range(count):
        top, left = _sway(i, 0.004, 64), _sway(i, 0.007, 64)
        frame = scene[top : top + height, left : left + width].astype(np.int16)
        for sprite, (across, down) in zip(objects, phases, strict=True):
            x = _sway(i, 0.03, width - side, across)
            y = _sway(i, 0.021, height - side, down)
            frame[y : y + side, x : x + side] = sprite
        yield (frame + noise[i % _NOISE_FRAMES]).clip(0, 255).astype(np.uint8)


def _texture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Random detail at several scales."""
    picture = np.zeros((height, width, 3))
    for cell in (4, 16, 64):
        coarse = rng.uniform(-1, 1, (height // cell + 2, width // cell + 2, 3))
        picture += np.kron(coarse, np.ones((cell, cell, 1)))[:height, :width] * cell**0.5
    return (128 + 11 * picture).clip(0, 255).astype(np.uint8)


def _sway(i: int, pace: float, room: int, phase: float = 0.0) -> int:
    return int((np.sin(i * pace + phase) + 1) / 2 * room)
