"""The embedding that selector and classifier put before what they learn from a backbone's features."""

from torch import nn


def embedding(channels: int, width: int, *, dropout: float) -> nn.Module:
    """``(..., channels) -> (..., width)``; dropout is of the features that come in."""
    return nn.Sequential(nn.LayerNorm(channels), nn.Dropout(dropout), nn.Linear(channels, width), nn.ReLU())
