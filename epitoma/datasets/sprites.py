"""One-actions of the synthetic videos: their appearance, their motion, and fast drawing.

A one-action is a shape in a colour with a motion. Some have the same shape and colour and differ in motion only, so
that no single frame distinguishes them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OneAction:
    """A moving sprite; shape and colour together are its appearance."""

    name: str
    shape: str
    colour: str
    motion: str

    @property
    def appearance(self) -> tuple[str, str]:
        """Shape and colour, which is all that a single frame shows."""
        return (self.shape, self.colour)


# Any even number of the first ones has pairs that differ in motion, single ones, and each colour in two or more shapes.
ONE_ACTIONS = (
    OneAction("ring round clockwise", "ring", "red", "orbit clockwise"),
    OneAction("ring round counter-clockwise", "ring", "red", "orbit counter-clockwise"),
    OneAction("star shaking", "star", "blue", "shake"),
    OneAction("square bouncing", "square", "cyan", "bounce"),
    OneAction("ball rolling right", "disk", "yellow", "slide right"),
    OneAction("ball rolling left", "disk", "yellow", "slide left"),
    OneAction("crescent passing", "crescent", "red", "slide diagonally"),
    OneAction("ball pulsing", "disk", "blue", "pulse"),
    OneAction("triangle spinning clockwise", "triangle", "green", "spin clockwise"),
    OneAction("triangle spinning counter-clockwise", "triangle", "green", "spin counter-clockwise"),
    OneAction("star bouncing", "star", "yellow", "bounce"),
    OneAction("square shaking", "square", "magenta", "shake"),
    OneAction("cross falling", "cross", "magenta", "slide down"),
    OneAction("cross rising", "cross", "magenta", "slide up"),
    OneAction("ring bouncing", "ring", "green", "bounce"),
    OneAction("bar spinning", "bar", "cyan", "spin clockwise"),
    OneAction("bar growing", "bar", "red", "grow"),
    OneAction("bar shrinking", "bar", "red", "shrink"),
    OneAction("crescent pulsing", "crescent", "green", "pulse"),
    OneAction("triangle bouncing", "triangle", "blue", "bounce"),
    OneAction("cross passing left", "cross", "cyan", "slide left"),
    OneAction("cross passing right", "cross", "cyan", "slide right"),
    OneAction("star spinning", "star", "magenta", "spin clockwise"),
    OneAction("square passing", "square", "yellow", "slide diagonally"),
)

_COLOURS = {
    "red": (225, 40, 40),
    "green": (50, 190, 60),
    "blue": (45, 90, 235),
    "yellow": (240, 215, 40),
    "magenta": (215, 60, 205),
    "cyan": (40, 205, 215),
    "grey": (140, 140, 140),
    "white": (235, 235, 235),
}

_Mask = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.hypot(u, v) < 0.65 + 0.33 * np.cos(5 * np.arctan2(u, -v))


# Whether a point of the square from -1 to 1 belongs to the shape; v points down.
_SHAPES: dict[str, _Mask] = {
    "disk": lambda u, v: np.hypot(u, v) < 0.95,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.72) < 0.23,
    "square": lambda u, v: np.maximum(np.abs(u), np.abs(v)) < 0.72,
    "triangle": lambda u, v: (v < 0.6) & (1.9 * np.abs(u) < v + 0.95),
    "cross": lambda u, v: (
        (np.minimum(np.abs(u), np.abs(v)) < 0.28) & (np.maximum(np.abs(u), np.abs(v)) < 0.92)
    ),
    "star": _star,
    "crescent": lambda u, v: (np.hypot(u, v) < 0.95) & (np.hypot(u - 0.45, v) > 0.7),
    "bar": lambda u, v: (np.abs(u) < 0.95) & (np.abs(v) < 0.3),
}


@dataclass(frozen=True)
class _Pose:
    """Position of a sprite at each phase: offsets as shares of the frame, scale, clockwise turns; float (phases,)."""

    right: np.ndarray
    down: np.ndarray
    turns: np.ndarray
    scale: np.ndarray


_Motion = Callable[[np.ndarray], _Pose]


def _move(right: float, down: float) -> _Motion:
    def motion(phase: np.ndarray) -> _Pose:
        along = 0.8 * (phase % 1 - 0.5)
        return _Pose(right * along, down * along, 0 * phase, 1 + 0 * phase)

    return motion


def _orbit(direction: int) -> _Motion:
    def motion(phase: np.ndarray) -> _Pose:
        angle = 2 * np.pi * direction * phase
        return _Pose(0.2 * np.cos(angle), 0.2 * np.sin(angle), 0 * phase, 1 + 0 * phase)

    return motion


def _spin(direction: int) -> _Motion:
    return lambda phase: _Pose(0 * phase, 0 * phase, direction * phase, 1 + 0 * phase)


def _swing(right: float, down: float) -> _Motion:
    def motion(phase: np.ndarray) -> _Pose:
        along = np.sin(2 * np.pi * phase)
        return _Pose(right * along, down * along, 0 * phase, 1 + 0 * phase)

    return motion


def _resize(scale: Callable[[np.ndarray], np.ndarray]) -> _Motion:
    return lambda phase: _Pose(0 * phase, 0 * phase, 0 * phase, scale(phase))


_MOTIONS: dict[str, _Motion] = {
    "slide right": _move(1, 0),
    "slide left": _move(-1, 0),
    "slide down": _move(0, 1),
    "slide up": _move(0, -1),
    "slide diagonally": _move(0.8, 0.8),
    "orbit clockwise": _orbit(1),
    "orbit counter-clockwise": _orbit(-1),
    "spin clockwise": _spin(1),
    "spin counter-clockwise": _spin(-1),
    "shake": _swing(0.2, 0),
    "bounce": _swing(0, 0.2),
    "pulse": _resize(lambda phase: 0.85 + 0.25 * np.sin(2 * np.pi * phase)),
    "grow": _resize(lambda phase: 0.6 + 0.5 * (phase % 1)),
    "shrink": _resize(lambda phase: 1.1 - 0.5 * (phase % 1)),
}


def _appearances_of_nothing() -> tuple[tuple[str, str], ...]:
    taken = {action.appearance for action in ONE_ACTIONS}
    return tuple((s, c) for s in _SHAPES for c in _COLOURS if (s, c) not in taken)


DISTRACTOR_APPEARANCES = _appearances_of_nothing()
MOTIONS = tuple(_MOTIONS)


@dataclass(frozen=True)
class Sprite:
    """Pixels, uint8 (side, side, 3), and where they are opaque, bool of the same shape."""

    pixels: np.ndarray
    opaque: np.ndarray


def draw_sprite(shape: str, colour: np.ndarray, *, side: int, turns: float) -> Sprite:
    """Draw a rotated shape with a dark outline, which makes it visible on any background.

    Args:
        shape: Name of the shape.
        colour: RGB, 0 to 255.
        side: Side of the sprite in pixels.
        turns: Clockwise rotation in full turns.
    """
    axis = (np.arange(side) + 0.5) / side * 2 - 1
    sin, cos = np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)
    u = cos * axis[None, :] + sin * axis[:, None]
    v = cos * axis[:, None] - sin * axis[None, :]
    outline, inside = _SHAPES[shape](u, v), _SHAPES[shape](1.15 * u, 1.15 * v)
    pixels = np.where(inside[..., None], colour, 25).astype(np.uint8)
    return Sprite(pixels, np.repeat((outline | inside)[..., None], 3, axis=2))


def animate(
    action: OneAction, frame_count: int, rng: np.random.Generator, *, size: int, fps: int, brightness: float
) -> Iterator[tuple[Sprite, int, int]]:
    """Yield sprite, top and left (pixels) of each frame, with random place, size, hue and speed.

    Args:
        action: One-action to show.
        frame_count: Number of frames.
        rng: Generator of place, size, hue and speed.
        size: Side of the video in pixels.
        fps: Frames a second.
        brightness: Factor on the colour.
    """
    phase = rng.uniform() + np.arange(frame_count) * rng.uniform(0.6, 1.0) / fps
    pose = _MOTIONS[action.motion](phase)
    side = size * rng.uniform(0.32, 0.44)
    colour = np.clip((np.array(_COLOURS[action.colour]) + rng.normal(0, 10, 3)) * brightness, 0, 255)
    column, row = size * rng.uniform(0.38, 0.62, 2)
    sides = np.rint(pose.scale * side).astype(int)
    # Rotations in steps of a 24th of a turn, so that drawn sprites can be used again.
    turns = np.rint(pose.turns * 24) / 24
    tops = np.rint(row + pose.down * size - sides / 2).astype(int)
    lefts = np.rint(column + pose.right * size - sides / 2).astype(int)
    drawn: dict[tuple[int, float], Sprite] = {}
    for i in range(frame_count):
        key = (int(sides[i]), float(turns[i] % 1))
        if key not in drawn:
            drawn[key] = draw_sprite(action.shape, colour, side=key[0], turns=key[1])
        yield drawn[key], int(tops[i]), int(lefts[i])


def paste(frame: np.ndarray, sprite: Sprite, *, top: int, left: int) -> None:
    """Draw a sprite into a uint8 frame (height, width, 3) in place; parts outside the frame are cut off."""
    height, width = frame.shape[:2]
    side = len(sprite.pixels)
    rows = slice(max(0, -top), min(side, height - top))
    columns = slice(max(0, -left), min(side, width - left))
    target = frame[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
    np.copyto(target, sprite.pixels[rows, columns], where=sprite.opaque[rows, columns])
