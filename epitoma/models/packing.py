"""Packing open timesteps of a batch together, so that HeavyNet runs on those and nothing else.

A shut timestep has gate 0 and no gradient, so leaving its HeavyNet pass out changes neither loss nor
gradients: this is what makes selection save real time, in training and in inference.
"""

import torch
from torch import Tensor


def pack(x_BT: Tensor, open_BT: Tensor) -> Tensor:
    """Open timesteps of every video, one after the other: ``(B, T, ...) -> (P, ...)``."""
    if x_BT.shape[:2] != open_BT.shape:
        raise ValueError(f"cannot pack {tuple(x_BT.shape)} by a mask of shape {tuple(open_BT.shape)}")
    return x_BT[open_BT]


def pad(x_P: Tensor, open_BT: Tensor) -> Tensor:
    """Packed timesteps as rows of K slots a video, zeros behind the last: ``(P, ...) -> (B, K, ...)``.

    K is the largest number of open timesteps in the batch, so attention costs what was kept, not T.
    """
    count_B = open_BT.sum(dim=1)
    if x_P.shape[0] != int(count_B.sum()):
        raise ValueError(f"{x_P.shape[0]} packed timesteps for a mask with {int(count_B.sum())} open")
    slot_P = (open_BT.cumsum(dim=1) - 1)[open_BT]
    video_P = torch.repeat_interleave(torch.arange(len(count_B), device=x_P.device), count_B)
    padded = x_P.new_zeros(len(count_B), int(count_B.max()), *x_P.shape[1:])
    return padded.index_put((video_P, slot_P), x_P)
