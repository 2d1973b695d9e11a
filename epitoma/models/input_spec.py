"""What a network wants to see, as data: decoding asks the network instead of the user."""

from dataclasses import dataclass

Colour = tuple[float, float, float]
"""One number for each of red, green and blue."""


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """Pixels of a timestep and how they are normalised.

    Attributes:
        size: Height and width in pixels.
        frames: Successive frames of a timestep, ``m``.
        mean: Subtracted from each colour, in units of 0 to 1.
        std: Each colour is divided by it, in units of 0 to 1.
    """

    size: int
    frames: int
    mean: Colour
    std: Colour
