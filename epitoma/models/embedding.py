"""Embedding of a backbone's features, the first layer of our selector and of our classifier; the paper has none."""

from torch import nn

WIDTH = 256
"""Channels of an embedding."""


def embedding(channels: int, *, dropout: float) -> nn.Sequential:
    """LayerNorm, dropout of input channels, linear layer and ReLU, ``(..., channels) -> (..., WIDTH)``."""
    return nn.Sequential(nn.LayerNorm(channels), nn.Dropout(dropout), nn.Linear(channels, WIDTH), nn.ReLU())
