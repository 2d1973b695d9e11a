"""Concept kernels: learnt directions in LightNet's feature space (paper section 3.1)."""

import torch
from torch import Tensor, nn


class ConceptKernels(nn.Module):
    """Similarity of each timestep to N learnt concepts, ``s_i = K x_i`` (paper section 3.1)."""

    def __init__(self, *, kernels: int, channels: int) -> None:
        super().__init__()
        # Similarities of standardised features then have a variance of about 1.
        self.kernels_NC = nn.Parameter(torch.randn(kernels, channels) / channels**0.5)

    def forward(self, x_BTC: Tensor) -> Tensor:
        """Dot products with the kernels, ``(B, T, C) -> (B, T, N)``."""
        return x_BTC @ self.kernels_NC.T
