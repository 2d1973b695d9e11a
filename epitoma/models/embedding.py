"""Embedding of a backbone's features, the first layer of the selector and of the classifier."""

from torch import nn


def embedding(channels: int, width: int, *, dropout: float) -> nn.Sequential:
    """LayerNorm, dropout of input channels, linear layer and ReLU, ``(..., channels) -> (..., width)``."""
    return nn.Sequential(nn.LayerNorm(channels), nn.Dropout(dropout), nn.Linear(channels, width), nn.ReLU())
