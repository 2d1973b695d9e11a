"""Value types of the main path, and the legend of tensor dimensions.

Every tensor's name ends with its dimensions, one capital letter each:

====== ==========================================================================
B      videos of a batch
T      candidate timesteps of a video
K      slots for open timesteps of a video, padded to the most open in the batch
P      open timesteps of a whole batch, packed: the sum of T' over its videos
M      successive frames of a timestep (the ``m`` of the paper)
C      channels (3 colours for frames, features elsewhere)
H, W   height and width in pixels
N      concept kernels
L      classes (labels)
V      videos of a dataset
====== ==========================================================================
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Timesteps:
    """Candidate timesteps of one video: snippets of successive frames.

    Attributes:
        starts_T: First frame of each timestep, int64. May repeat where the video is short.
        frames_per_timestep: Successive frames of a timestep, ``m``.
        frame_count: Frames of the video; a snippet that would run past the end repeats the last frame.
    """

    starts_T: np.ndarray
    frames_per_timestep: int
    frame_count: int

    def __post_init__(self) -> None:
        if self.starts_T.ndim != 1 or self.starts_T.size == 0:
            raise ValueError(f"starts_T must be a non-empty vector, not of shape {self.starts_T.shape}")
        if self.frames_per_timestep < 1:
            raise ValueError(f"frames_per_timestep must be at least 1, not {self.frames_per_timestep}")
        if self.starts_T.min() < 0 or self.starts_T.max() >= self.frame_count:
            raise ValueError(f"starts {self.starts_T} lie outside a video of {self.frame_count} frames")

    @property
    def frames_TM(self) -> np.ndarray:
        """Frame numbers of every snippet."""
        frames = self.starts_T[:, None] + np.arange(self.frames_per_timestep)
        return np.minimum(frames, self.frame_count - 1)

    @property
    def middle_frames_T(self) -> np.ndarray:
        """The frame of each snippet that LightNet looks at, ``f[j + m//2]``."""
        return self.frames_TM[:, self.frames_per_timestep // 2]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which candidate timesteps of each video are open, and by how much.

    Attributes:
        alpha_BT: The gating module's score; larger is more worth looking at.
        gate_BT: Gate value, 0 where shut, in (0, 1] where open.
        open_probability_BT: Expected L0 norm of the gate under its training noise.
        valid_BT: False for padding, which is never open.
    """

    alpha_BT: Tensor
    gate_BT: Tensor
    open_probability_BT: Tensor
    valid_BT: Tensor

    def __post_init__(self) -> None:
        shapes = {
            tuple(t.shape) for t in (self.alpha_BT, self.gate_BT, self.open_probability_BT, self.valid_BT)
        }
        if len(shapes) != 1 or self.alpha_BT.ndim != 2:
            raise ValueError(f"selection tensors must share one (B, T) shape, not {sorted(shapes)}")

    @property
    def open_BT(self) -> Tensor:
        """True where the gate is open."""
        return self.gate_BT > 0

    @property
    def count_B(self) -> Tensor:
        """Number of open timesteps T' of each video."""
        return self.open_BT.sum(dim=1)


@dataclass(frozen=True, kw_only=True)
class FeatureCandidates:
    """Candidate timesteps given as features of both backbones, as a feature store holds them."""

    light_BTC: Tensor
    heavy_BTC: Tensor
    valid_BT: Tensor


@dataclass(frozen=True, kw_only=True)
class PixelCandidates:
    """Candidate timesteps given as pixels, uint8.

    Attributes:
        frames_BTCHW: Each timestep's middle frame, at LightNet's size.
        snippets_BTCMHW: Each timestep's frames, at HeavyNet's size.
        valid_BT: False for padding.
    """

    frames_BTCHW: Tensor
    snippets_BTCMHW: Tensor
    valid_BT: Tensor


Candidates = FeatureCandidates | PixelCandidates


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """What the model says of a batch: class scores, and where it looked.

    Attributes:
        logits_BL: Class scores.
        selection: Where it looked closely.
        light_logits_BL: What LightNet alone would have said; None where it was not asked.
        imitation_B: Mean squared distance of LightNet's from HeavyNet's guess at open timesteps; likewise.
    """

    logits_BL: Tensor
    selection: Selection
    light_logits_BL: Tensor | None = None
    imitation_B: Tensor | None = None


def all_valid(batch: int, timesteps: int, *, device: torch.device | str = "cpu") -> Tensor:
    """A validity mask without padding."""
    return torch.ones(batch, timesteps, dtype=torch.bool, device=device)
