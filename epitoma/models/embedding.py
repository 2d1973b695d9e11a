"""What selector and classifier put between a backbone's features and what they learn from them."""

from torch import nn


def embedding(channels: int, width: int, *, dropout: float) -> nn.Sequential:
    """``(..., channels) -> (..., width)``; dropout is of the features that come in."""
    return nn.Sequential(nn.LayerNorm(channels), nn.Dropout(dropout), nn.Linear(channels, width), nn.ReLU())
