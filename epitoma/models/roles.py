"""Linear layers that say what they are for, since an optimiser must treat some matrices in ways of their own."""

from torch import nn


class ScoreLayer(nn.Linear):
    """Output layer, to class scores or to a timestep's score: no hidden matrix, so Muon leaves it alone."""


class FusedLinear(nn.Linear):
    """Several hidden matrices side by side in one, such as query, key and value: Muon moves each by itself.

    Args:
        in_features: Channels of the input.
        out_features: Channels of all outputs together.
        parts: Number of matrices, equally large.
    """

    def __init__(self, in_features: int, out_features: int, *, parts: int) -> None:
        super().__init__(in_features, out_features)
        self.parts = parts
