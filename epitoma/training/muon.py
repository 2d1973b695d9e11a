"""Muon optimiser in float32 on CPUs; torch's own computes in bfloat16, which is very slow on many CPUs."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

NEWTON_SCHULZ = [(3.4445, -4.7750, 2.0315)]
"""Coefficients of the Newton-Schulz iteration, as published and in ``torch.optim.Muon``."""

STEPS = 5
"""Iterations, as published: the singular values are then about 1, not exactly."""


class Muon(torch.optim.Optimizer):
    """Updates each matrix by its momentum with all singular values set to about 1.

    The update is therefore as large in rare directions as in common ones. Otherwise as ``torch.optim.Muon``, which
    takes over forty times as long on a CPU without bfloat16. ``parts`` of a group says how many matrices lie one above
    the other in each of its own; each is moved by itself.

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).
    """

    def __init__(
        self, params: Iterable[dict[str, Any]], *, lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "parts": 1})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._move(matrix, matrix.grad, group)

    def _move(self, matrix: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[matrix]
        if not state:
            state["momentum"] = torch.zeros_like(matrix)
        momentum = state["momentum"]
        momentum.lerp_(gradient, 1 - group["momentum"])
        # Nesterov momentum: the gradient mixed with the momentum that already contains it.
        ahead = gradient.lerp(momentum, group["momentum"])
        # Decoupled weight decay, as in AdamW.
        matrix.mul_(1 - group["lr"] * group["weight_decay"])
        for part, its_ahead in zip(matrix.chunk(group["parts"]), ahead.chunk(group["parts"]), strict=True):
            rows, columns = part.shape
            # The factor for tall matrices is that of torch.optim.Muon ("original").
            part.add_(orthogonal(its_ahead), alpha=-group["lr"] * max(1, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Nearest matrix with singular values of about 1 (0.7 to 1.2), computed in float32 on a CPU and bfloat16 on a GPU.

    Singular vectors stay as they are.
    """
    # Imported here, because importing timm takes seconds in every process, also where Muon is not used.
    from timm.optim.muon import zeropower_via_newtonschulz

    dtype = torch.bfloat16 if matrix.is_cuda else torch.float32
    return zeropower_via_newtonschulz(matrix, STEPS, NEWTON_SCHULZ, dtype=dtype).to(matrix.dtype)
