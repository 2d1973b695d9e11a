"""Value types of selection: candidate timesteps, which of them are open, and what was recognised.

The legend of tensor dimensions is in ``epitoma/core/timesteps.py``, which is apart because processes that only decode
do without torch: importing it takes them longer than decoding a dozen videos.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which candidate timesteps of each video are open, and by how much.

    Attributes:
        alpha_BT: The gating module's score; larger is more worth looking at.
        worth_BT: What timesteps are kept by: the score, less what likeness to better ones takes (``redundancy.py``).
        gate_BT: Gate value, 0 where shut, in (0, 1] where open.
        open_probability_BT: Expected L0 norm of the gate under its training noise.
        valid_BT: False for padding, which is never open.
    """

    alpha_BT: Tensor
    worth_BT: Tensor
    gate_BT: Tensor
    open_probability_BT: Tensor
    valid_BT: Tensor

    def __post_init__(self) -> None:
        shapes = {
            tuple(t.shape)
            for t in (self.alpha_BT, self.worth_BT, self.gate_BT, self.open_probability_BT, self.valid_BT)
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

    def split(self, videos: int) -> list["FeatureCandidates"]:
        """The same candidates, so many videos at a time."""
        parts = zip(*(t.split(videos) for t in (self.light_BTC, self.heavy_BTC, self.valid_BT)), strict=True)
        return [
            FeatureCandidates(light_BTC=light, heavy_BTC=heavy, valid_BT=valid)
            for light, heavy, valid in parts
        ]


@dataclass(frozen=True, kw_only=True)
class PixelCandidates:
    """Candidate timesteps given as pixels, uint8.

    Attributes:
        frames_BTCHW: Each timestep's middle frame, at LightNet's size.
        snippets_BTCMHW: Each timestep's frames, at HeavyNet's size.
        valid_BT: False for padding.
        views_BA: How each video is seen (see ``views.py``); None sees it as it is.
    """

    frames_BTCHW: Tensor
    snippets_BTCMHW: Tensor
    valid_BT: Tensor
    views_BA: Tensor | None = None


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
