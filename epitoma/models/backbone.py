"""Backbone: a pretrained network as a feature extractor over pixels, the base of LightNet and HeavyNet."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from epitoma.core.errors import WeightsError, first_line
from epitoma.models.folding import fold_batch_norm
from epitoma.models.input_spec import InputSpec
from epitoma.models.speed import Compiled, Speed, recomputed
from epitoma.models.trunk import Trunk, build_trunk
from epitoma.models.weights import PACKAGE, PACKAGE_MEAN_STD, RANDOM, load_weights

Normalisation = Literal["frozen", "live"]

CPU_CHUNK_PIXELS = 200_000
"""Pixels of one forward pass on a CPU without gradients, so few that the activations stay in its cache."""

GPU_CHUNK_PIXELS = 12_800_000
"""The same on a GPU, where it fits into memory beside the activations of training."""

CPU_CHUNK_LEAST_IMAGES, CPU_CHUNK_LEAST_SNIPPETS = 8, 4
"""Fewest images, or snippets, of a pass on a CPU: smaller batches lose more speed than the cache gains."""

# A network is tried on frames of at most this size, which is faster; what is found does not depend on the size.
_SMALL_SIZE = 64


class Backbone(nn.Module):
    """A network as a feature extractor, from pixels of 0 to 255 (uint8 or float) to features ``(n, C)``.

    With ``frozen`` batch normalisation the network stays in evaluation mode in training too, so the timesteps of a
    batch are independent: leaving the shut ones out does not change the features of the others. ``live`` takes the
    statistics of the timesteps at hand, and lets dropout and stochastic depth work.

    Args:
        name: As in :func:`build_trunk`.
        weights: As in :func:`load_weights`, or ``random``.
        normalisation: ``frozen`` or ``live``; None is live for ``random`` weights, and frozen for all others.
        size: Height and width of the frames in pixels; None takes the network's own size.
        frames: Successive frames of a timestep; None takes the network's own number.
        pretrained: False leaves the weights random, for a caller that loads a state dict next.

    Raises:
        WeightsError: The network is unknown, does not accept this size or number of frames, or the weights do not fit.
    """

    mean_C: Tensor
    std_C: Tensor

    def __init__(
        self,
        name: str,
        *,
        weights: str,
        normalisation: Normalisation | None,
        size: int | None,
        frames: int | None,
        pretrained: bool,
    ) -> None:
        super().__init__()
        trunk = build_trunk(name)
        trunk.net.eval()
        if pretrained and weights != RANDOM:
            load_weights(trunk, weights, name=name)
        self.name = name
        self.channels = trunk.channels
        self.takes_snippets = trunk.takes_snippets
        self.input = _input(trunk, name=name, weights=weights, size=size, frames=frames)
        self.is_live = (normalisation or ("live" if weights == RANDOM else "frozen")) == "live"
        self.small_shape = _small_shape(trunk, self.input)
        _check_forward(trunk.net, _example(self.small_shape), name=name)
        self.net = trunk.net.to(memory_format=self.layout)
        self.run_as(Speed())
        # Not saved with the weights: they follow from the network's name.
        self.register_buffer("mean_C", torch.tensor(self.input.mean) * 255, persistent=False)
        self.register_buffer("std_C", torch.tensor(self.input.std) * 255, persistent=False)

    @property
    def layout(self) -> torch.memory_format:
        """Memory format of the network's weights and inputs: channels last.

        A property, because an attribute would be pickled, and pickle looks for a memory format in the main script,
        which Ray workers do not have.
        """
        return torch.channels_last_3d if self.takes_snippets else torch.channels_last

    @property
    def has_live_statistics(self) -> bool:
        """Whether passes in training take statistics of what they see."""
        return self.is_live and any(isinstance(each, _BatchNorm) for each in self.net.modules())

    def fold(self) -> None:
        """Fold batch normalisation into the convolutions, for good: for inference, which it makes a third faster.

        The tensors have other names then, so a network that is to be trained or saved is not folded.
        """
        self.eval()
        folded = fold_batch_norm(self.net, _example(self.small_shape).to(self.mean_C.device))
        self.net = folded.to(memory_format=self.layout)
        self.run_as(self.speed)

    def run_as(self, speed: Speed) -> None:
        """Set precision, compilation and memory use of the following forward passes."""
        self.speed = speed
        self.compiled = Compiled(self.net) if speed.compile else None

    def forward_features(self, pixels: Tensor) -> Tensor:
        """Features ``(n, C)`` of snippets ``(n, 3, m, H, W)``, or of images ``(n, 3, H, W)`` for a 2D network."""
        keeps_activations = torch.is_grad_enabled() and not self.speed.recompute
        if keeps_activations:
            return self._pass(pixels)
        chunks = pixels.tensor_split(max(1, len(pixels) // self._chunk_size(pixels)))
        if torch.is_grad_enabled():
            return torch.cat([recomputed(self._pass, chunk) for chunk in chunks])
        return torch.cat([self._pass(chunk) for chunk in chunks])

    def _chunk_size(self, pixels: Tensor) -> int:
        """Smallest number of items in a chunk; the equal parts may be almost twice as large."""
        each = pixels[0, 0].numel()
        if pixels.is_cuda:
            # Half, so that the largest equal part stays below the limit.
            return max(1, GPU_CHUNK_PIXELS // (2 * each))
        least = CPU_CHUNK_LEAST_SNIPPETS if self.takes_snippets else CPU_CHUNK_LEAST_IMAGES
        return max(least, CPU_CHUNK_PIXELS // each)

    def _pass(self, pixels: Tensor) -> Tensor:
        shape = (-1, *([1] * (pixels.dim() - 2)))
        normalised = (pixels.to(self.mean_C.dtype) - self.mean_C.view(shape)) / self.std_C.view(shape)
        with self.speed.autocast(pixels.device):
            features = (self.compiled or self.net)(normalised.contiguous(memory_format=self.layout))
        return features.to(self.mean_C.dtype)

    def train(self, mode: bool = True) -> "Backbone":
        """Set the mode; a network whose normalisation is frozen stays in evaluation mode."""
        super().train(mode)
        self.net.train(mode and self.is_live)
        return self


def _input(trunk: Trunk, *, name: str, weights: str, size: int | None, frames: int | None) -> InputSpec:
    """The network's input with the size and frames that were asked for, if it accepts them."""
    own = trunk.input
    asked = replace(
        own, size=own.size if size is None else size, frames=own.frames if frames is None else frames
    )
    if min(asked.size, asked.frames) < 1:
        raise WeightsError(f"{name}: size {asked.size} and frames {asked.frames} must be at least 1")
    if trunk.only_own_input and (
        asked.size != own.size or (trunk.takes_snippets and asked.frames != own.frames)
    ):
        raise WeightsError(
            f"{name} takes {own.frames} frame(s) of {own.size} x {own.size} only, "
            f"not {asked.frames} of {asked.size} x {asked.size}; leave size and frames out"
        )
    if weights == PACKAGE:
        mean, std = PACKAGE_MEAN_STD
        return replace(asked, mean=mean, std=std)
    return asked


def _small_shape(trunk: Trunk, spec: InputSpec) -> tuple[int, ...]:
    """Shape of one input, of small frames where any size will do."""
    size = spec.size if trunk.only_own_input else min(spec.size, _SMALL_SIZE)
    return (1, 3, spec.frames, size, size) if trunk.takes_snippets else (1, 3, size, size)


def _example(shape: tuple[int, ...]) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def _check_forward(net: nn.Module, example: Tensor, *, name: str) -> None:
    """Raise a WeightsError unless the network accepts the input."""
    try:
        net(example)
    except RuntimeError as error:
        frames = example.shape[2] if example.dim() == 5 else 1
        raise WeightsError(
            f"{name} cannot look at {frames} frame(s) of {example.shape[-2]} x {example.shape[-1]}: {first_line(error)}"
        ) from error
