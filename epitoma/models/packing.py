"""Pack the open timesteps of a batch into one tensor, so that HeavyNet runs on those only, and pad them back.

A shut timestep has gate 0 and no gradient, so skipping its HeavyNet pass changes neither the loss nor any gradient.
This is how selection saves time, in training and at inference.
"""

import torch
from torch import Tensor

from epitoma.core.errors import DivergedError


def pack(x_BT: Tensor, open_BT: Tensor) -> Tensor:
    """Concatenate the open timesteps of all videos, in order: ``(B, T, ...) -> (P, ...)``.

    Raises:
        ValueError: The mask does not have the first two dimensions of the tensor.
    """
    if x_BT.shape[:2] != open_BT.shape:
        raise ValueError(f"cannot pack {tuple(x_BT.shape)} by a mask of shape {tuple(open_BT.shape)}")
    return x_BT[open_BT]


def pad(x_P: Tensor, open_BT: Tensor) -> Tensor:
    """Arrange packed timesteps in K slots a video, padded with zeros: ``(P, ...) -> (B, K, ...)``.

    K is the largest number of open timesteps of a video in the batch, so attention over the slots costs as much as
    the kept timesteps need, not as much as T.

    Raises:
        ValueError: The mask does not have as many open timesteps as there are packed ones.
        DivergedError: No timestep is open: the best of each video stays open unless its score is not finite.
    """
    count_B = open_BT.sum(dim=1)
    if not len(x_P):
        raise DivergedError("the selector's scores are not finite")
    if x_P.shape[0] != int(count_B.sum()):
        raise ValueError(f"{x_P.shape[0]} packed timesteps for a mask with {int(count_B.sum())} open")
    slot_P = (open_BT.cumsum(dim=1) - 1)[open_BT]
    video_P = torch.repeat_interleave(torch.arange(len(count_B), device=x_P.device), count_B)
    padded = x_P.new_zeros(len(count_B), int(count_B.max()), *x_P.shape[1:])
    return padded.index_put((video_P, slot_P), x_P)
