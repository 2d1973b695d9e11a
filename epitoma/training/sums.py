"""What an epoch counts: sums over videos, on any device, which workers add up and checkpoints keep."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums over videos, each a scalar tensor of float64.

    Attributes:
        loss: Of the classifier.
        hits: Videos whose best class is a true one.
        timesteps: Timesteps that were kept.
        videos: Videos that count; a rejected one does not.
    """

    loss: Tensor
    hits: Tensor
    timesteps: Tensor
    videos: Tensor

    @classmethod
    def over(cls, weight_B: Tensor, *, loss_B: Tensor, hit_B: Tensor, timesteps_B: Tensor) -> "Sums":
        """Sum over the videos of a batch, of which those of weight 0 do not count."""
        counted = (loss_B.detach(), hit_B, timesteps_B, torch.ones_like(loss_B))
        return cls.from_tensor(torch.stack([each.double() for each in counted]).mul(weight_B).sum(dim=1))

    @classmethod
    def from_tensor(cls, sums_S: Tensor) -> "Sums":
        """From what :meth:`tensor` gave."""
        names = (field.name for field in fields(cls))
        return cls(**dict(zip(names, sums_S.unbind(), strict=True)))

    @classmethod
    def zero(cls, device: torch.device | None = None) -> "Sums":
        """Of no videos."""
        return cls.from_tensor(torch.zeros(len(fields(cls)), dtype=torch.float64, device=device))

    @classmethod
    def resumed(cls, counted: Sequence[Sequence[float]], *, rank: int, world_size: int) -> "Sums":
        """What a worker goes on with of an epoch that was cut off.

        Args:
            counted: What each worker had counted then; empty at the start of an epoch.
            rank: This worker's number.
            world_size: Number of workers now. Where it is another than then, the first worker goes on with it all:
                only the sum over workers matters.
        """
        if len(counted) == world_size:
            return cls.from_tensor(torch.tensor(counted[rank], dtype=torch.float64))
        sums_WS = torch.tensor(counted, dtype=torch.float64).reshape(-1, len(fields(cls)))
        return cls.from_tensor(sums_WS.sum(dim=0)) if rank == 0 else cls.zero()

    def __add__(self, other: "Sums") -> "Sums":
        return Sums.from_tensor(self.tensor() + other.tensor())

    def tensor(self) -> Tensor:
        """All of them, ``(S,)``."""
        return torch.stack([getattr(self, field.name) for field in fields(self)])

    def cpu(self) -> "Sums":
        """The same on the CPU."""
        return Sums.from_tensor(self.tensor().cpu())

    def means(self) -> dict[str, float]:
        """Loss, accuracy and kept timesteps of a video in the mean, and how many videos that is."""
        loss, hits, timesteps, videos = self.tensor().tolist()
        count = max(videos, 1)
        return {
            "loss": loss / count,
            "accuracy": hits / count,
            "timesteps": timesteps / count,
            "videos": videos,
        }
