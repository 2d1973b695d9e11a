"""Dropout that draws a byte an element, since a CPU draws from Bernoulli's distribution ten times slower."""

import torch
from torch import Tensor, nn

BYTE = 256


class FastDropout(nn.Module):
    """As ``nn.Dropout``, with a share that is rounded to a 256th.

    Args:
        share: Share of the elements that are dropped in training.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.dropped = round(share * BYTE)

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements in training, and scale the others up."""
        if not self.training or not self.dropped:
            return x
        drawn = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = drawn.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * kept * (BYTE / (BYTE - self.dropped))


def hasten(module: nn.Module) -> None:
    """Put it in the place of every dropout inside a module."""
    for name, child in module.named_children():
        if isinstance(child, nn.Dropout):
            setattr(module, name, FastDropout(child.p))
        else:
            hasten(child)
