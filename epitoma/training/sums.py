"""Sums over the videos of an epoch, added up over steps and workers, and saved in checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Sums over videos, each a scalar tensor of float64.

    Attributes:
        loss: What training minimises, but for the penalty.
        hits: Videos whose best class is a true one.
        timesteps: Kept timesteps.
        videos: Number of videos, without rejected ones.
    """

    loss: Tensor
    hits: Tensor
    timesteps: Tensor
    videos: Tensor

    @classmethod
    def over(cls, weight_B: Tensor, *, loss_B: Tensor, hit_B: Tensor, timesteps_B: Tensor) -> "Sums":
        """Sum over the videos of a batch; rejected videos have weight 0."""
        counted = (loss_B.detach(), hit_B, timesteps_B, torch.ones_like(loss_B))
        return cls.from_tensor(torch.stack([each.double() for each in counted]).mul(weight_B).sum(dim=1))

    @classmethod
    def from_tensor(cls, sums_S: Tensor) -> "Sums":
        """Make sums from a tensor of :meth:`tensor`, ``(S,)``."""
        names = (field.name for field in fields(cls))
        return cls(**dict(zip(names, sums_S.unbind(), strict=True)))

    @classmethod
    def zero(cls, device: torch.device | None = None) -> "Sums":
        """Sums over no videos."""
        return cls.from_tensor(torch.zeros(len(fields(cls)), dtype=torch.float64, device=device))

    @classmethod
    def resumed(cls, counted: Sequence[Sequence[float]], *, rank: int, world_size: int) -> "Sums":
        """Sums that a worker resumes an interrupted epoch with.

        Args:
            counted: Sums of each worker at the checkpoint; empty at the start of an epoch.
            rank: This worker's number.
            world_size: Number of workers now. If it has changed, rank 0 takes all the sums: only the total over
                workers matters.
        """
        if len(counted) == world_size:
            return cls.from_tensor(torch.tensor(counted[rank], dtype=torch.float64))
        sums_WS = torch.tensor(counted, dtype=torch.float64).reshape(-1, len(fields(cls)))
        return cls.from_tensor(sums_WS.sum(dim=0)) if rank == 0 else cls.zero()

    def __add__(self, other: "Sums") -> "Sums":
        return Sums.from_tensor(self.tensor() + other.tensor())

    def tensor(self) -> Tensor:
        """All sums as one tensor, ``(S,)``."""
        return torch.stack([getattr(self, field.name) for field in fields(self)])

    def cpu(self) -> "Sums":
        """Copy to the CPU."""
        return Sums.from_tensor(self.tensor().cpu())

    def means(self) -> dict[str, float]:
        """Means per video of loss, accuracy and kept timesteps, and the number of videos."""
        loss, hits, timesteps, videos = self.tensor().tolist()
        count = max(videos, 1)
        return {
            "loss": loss / count,
            "accuracy": hits / count,
            "timesteps": timesteps / count,
            "videos": videos,
        }
