"""InputSpec: the input of a network as data, from which decoding takes size and number of frames."""

from dataclasses import dataclass

Colour = tuple[float, float, float]
"""One number each for red, green and blue."""


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """Size of a timestep's pixels and how they are normalised.

    Attributes:
        size: Height and width in pixels.
        frames: Successive frames of a timestep, ``m``.
        mean: Subtracted from each colour channel, for pixel values of 0 to 1.
        std: Divides each colour channel after that, for pixel values of 0 to 1.
    """

    size: int
    frames: int
    mean: Colour
    std: Colour
