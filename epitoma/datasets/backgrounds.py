"""Backgrounds of the synthetic videos: drifting cloudy textures that do not depend on the class."""

from collections.abc import Iterator

import numpy as np


def drifting_background(
    rng: np.random.Generator, frame_count: int, *, size: int, brightness: float
) -> Iterator[np.ndarray]:
    """Yield frames of a window that drifts over a seamlessly repeating texture, uint8 (size, size, 3).

    Args:
        rng: Generator of texture, start and drift.
        frame_count: Number of frames; each is a copy that the caller may change.
        size: Side of the frames in pixels.
        brightness: Factor on the texture.
    """
    period = 2 * size
    texture = _texture(rng, period) * brightness
    # One frame's width more than the period, so that a window never has to wrap around.
    padded = np.pad(texture.clip(0, 255).astype(np.uint8), ((0, size), (0, size), (0, 0)), mode="wrap")
    start, drift = rng.uniform(0, period, 2), rng.uniform(-1, 1, 2)
    corners = (start + drift * np.arange(frame_count)[:, None]).astype(int) % period
    for top, left in corners:
        yield padded[top : top + size, left : left + size].copy()


def _texture(rng: np.random.Generator, period: int) -> np.ndarray:
    """Cloudy noise in muted colours, float (period, period, 3), 0 to 255."""
    frequency = np.hypot(np.fft.fftfreq(period)[:, None], np.fft.fftfreq(period)[None, :])
    # The floor on the frequency avoids a division by 0 at the mean and limits the largest clouds.
    strength = 1 / np.maximum(frequency, 2 / period) ** rng.uniform(1.1, 1.6)
    clouds = np.fft.ifft2(np.fft.fft2(rng.normal(size=(4, period, period))) * strength).real
    clouds /= clouds.std(axis=(1, 2), keepdims=True)
    light, colour = clouds[0], clouds[1:]
    tint = rng.uniform(95, 150) + rng.uniform(-14, 14, 3)
    grain = rng.normal(0, 3, (period, period))
    return (light * rng.uniform(12, 26) + grain)[..., None] + np.moveaxis(colour, 0, -1) * 6 + tint
