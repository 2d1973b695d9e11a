"""Precision, compilation and recomputation of networks: the same forward pass faster or in less memory."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

_FEW = 2


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How networks run.

    Attributes:
        precision: Precision in which networks multiply, ``bf16`` or ``fp32``; None takes bf16 on a GPU and fp32 on a
            CPU. Scores, gates and losses are in float32 in any case.
        compile: Compile networks with torch.compile; where that fails they run uncompiled, with a warning.
        recompute: In training, keep no activations of the networks but compute them again in the backward pass, a
            chunk at a time: memory then does not grow with the timesteps kept, and a step takes about a third longer.
            Refused in training where batch normalisation is live.
    """

    precision: Literal["bf16", "fp32"] | None = None
    compile: bool = False
    recompute: bool = False

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """Context for the forward passes of networks on a device."""
        precision = self.precision or ("bf16" if device.type == "cuda" else "fp32")
        return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


class Compiled:
    """A compiled network that falls back to the uncompiled one, for good, when compiling fails.

    A UserWarning then says why. The backward pass is compiled at the first call that needs gradients.

    Args:
        net: The network; its parameters are shared, not copied.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.compiled: Callable[[Tensor], Tensor] | None = torch.compile(net, dynamic=True)
        self.goes_backward = False

    def __reduce__(self) -> tuple[type["Compiled"], tuple[nn.Module]]:
        """Pickle the network only: compiled code cannot move to another process, so a copy compiles again."""
        return Compiled, (self.net,)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Run the forward pass."""
        if self.compiled is not None:
            try:
                if torch.is_grad_enabled() and not self.goes_backward:
                    self._go_backward(self.compiled, pixels[:_FEW])
                return self.compiled(pixels)
            except compiler_errors() as error:
                self.compiled = None
                warnings.warn(
                    f"torch.compile failed, so the network runs as it is: {_reason(error)}", stacklevel=2
                )
        return self.net(pixels)

    def _go_backward(self, run: Callable[[Tensor], Tensor], pixels: Tensor) -> None:
        """Compile the backward pass now, because a failure inside a later backward pass could not be caught.

        The hooks hide the tensors saved here from a surrounding :func:`recomputed`, which counts saved tensors.
        """
        with torch.autograd.graph.saved_tensors_hooks(_as_it_is, _as_it_is):
            features = run(pixels)
            weights = [weight for weight in self.net.parameters() if weight.requires_grad]
            if features.requires_grad and weights:
                torch.autograd.grad(features.sum(), weights, allow_unused=True)
        self.goes_backward = True


def compiler_errors() -> tuple[type[Exception], ...]:
    """Exceptions that ``torch.compile`` raises where it cannot compile."""
    # Imported here, because importing PyTorch's compiler takes over a second in every process, and few compile.
    from torch._dynamo.exc import TorchDynamoException
    from torch._inductor.exc import CppCompileError, InductorError

    return TorchDynamoException, InductorError, CppCompileError


def recomputed(run: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """Run without keeping activations; they are computed again in the backward pass (activation checkpointing)."""
    result = checkpoint(run, pixels, use_reentrant=False)
    assert isinstance(result, Tensor)
    return result


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {' '.join(lines[:2])}"
