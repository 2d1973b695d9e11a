"""Value types of the model: candidate timesteps, the selection among them, and the result.

The legend of tensor dimensions is in ``epitoma/core/timesteps.py``. That module does not import torch, for processes
that only decode: importing torch takes them longer than decoding a dozen videos.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a selector says of a batch.

    Attributes:
        alpha_BT: Score of each timestep; higher is more likely to be kept.
        light_logits_BL: Class logits of the videos from light features alone, where the selector computes any: they
            are trained against the labels too.
        extras: What else the selector's own loss needs, by name.
    """

    alpha_BT: Tensor
    light_logits_BL: Tensor | None = None
    extras: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which candidate timesteps of each video are open, and by how much.

    Attributes:
        alpha_BT: Score of the gating module; higher is more likely to be kept.
        gate_BT: Gate value, 0 where shut, in (0, 1] where open.
        open_probability_BT: Probability that the gate is open under its training noise, its expected L0 norm.
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
    """Candidate timesteps given as features of both networks, as a feature store holds them.

    Attributes:
        light_BTC: LightNet's features.
        heavy_BTC: HeavyNet's features.
        valid_BT: False for padding.
    """

    light_BTC: Tensor
    heavy_BTC: Tensor
    valid_BT: Tensor

    def split(self, videos: int) -> list["FeatureCandidates"]:
        """Split the batch into parts of this many videos; the last may have fewer."""
        parts = zip(*(t.split(videos) for t in (self.light_BTC, self.heavy_BTC, self.valid_BT)), strict=True)
        return [
            FeatureCandidates(light_BTC=light, heavy_BTC=heavy, valid_BT=valid)
            for light, heavy, valid in parts
        ]


@dataclass(frozen=True, kw_only=True)
class PixelCandidates:
    """Candidate timesteps given as pixels, uint8.

    Attributes:
        frames_BTCHW: The middle frame of each timestep, at LightNet's size.
        snippets_BTCMHW: All frames of each timestep, at HeavyNet's size.
        valid_BT: False for padding.
        views_BA: Augmentation of each video (see ``views.py``); None leaves the pixels unchanged.
    """

    frames_BTCHW: Tensor
    snippets_BTCMHW: Tensor
    valid_BT: Tensor
    views_BA: Tensor | None = None


Candidates = FeatureCandidates | PixelCandidates


@dataclass(frozen=True, kw_only=True)
class Classified:
    """What a classifier says that has more to say than logits.

    Attributes:
        logits_BL: Class logits.
        extras: What else the classifier's own loss needs, by name.
    """

    logits_BL: Tensor
    extras: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """Result of the model on a batch.

    Attributes:
        logits_BL: Class logits.
        selection: The timesteps that HeavyNet ran on.
        light_logits_BL: Class logits from light features alone; None where there are none.
        extras: What selector and classifier hand to a loss of their own, by name.
    """

    logits_BL: Tensor
    selection: Selection
    light_logits_BL: Tensor | None = None
    extras: Mapping[str, Tensor] = field(default_factory=dict)


def all_valid(batch: int, timesteps: int, *, device: torch.device | str = "cpu") -> Tensor:
    """A validity mask without padding, all True, ``(B, T)``."""
    return torch.ones(batch, timesteps, dtype=torch.bool, device=device)
