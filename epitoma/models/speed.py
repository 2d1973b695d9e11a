"""How networks run: the same function faster, or in less memory."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException
from torch._inductor.exc import CppCompileError, InductorError
from torch.utils.checkpoint import checkpoint

COMPILER_ERRORS = (TorchDynamoException, InductorError, CppCompileError)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What may be traded for time or memory.

    Attributes:
        bf16: On a GPU, multiply in bfloat16.
        compile: Compile networks by torch.compile; where that fails they run as they are, with a warning.
        recompute: In training, keep no activations of the networks but compute them again for gradients, a chunk
            at a time: memory then does not grow with the timesteps kept, and a step takes about a third longer.
        gpu_chunk_pixels: Pixels of one pass on a GPU without gradients, or with ``recompute``.
    """

    bf16: bool = False
    compile: bool = False
    recompute: bool = False
    gpu_chunk_pixels: int = 12_800_000


class Compiled:
    """Calls a network compiled, or as it is from the moment that compiling its forward pass has failed.

    A UserWarning then says why.

    Args:
        net: The network; its parameters stay where they are.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.compiled: Callable[[Tensor], Tensor] | None = torch.compile(net, dynamic=True)

    def __reduce__(self) -> tuple[type["Compiled"], tuple[nn.Module]]:
        """Compiled code stays where it was made: a copy compiles anew."""
        return Compiled, (self.net,)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Run."""
        if self.compiled is not None:
            try:
                return self.compiled(pixels)
            except COMPILER_ERRORS as error:
                self.compiled = None
                warnings.warn(
                    f"torch.compile failed, so the network runs as it is: {_reason(error)}", stacklevel=2
                )
        return self.net(pixels)


def recomputed(run: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """Run, and run again when gradients are needed, keeping nothing in between."""
    result = checkpoint(run, pixels, use_reentrant=False)
    assert isinstance(result, Tensor)
    return result


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {' '.join(lines[:2])}"
