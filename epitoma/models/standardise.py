"""Standardising over the timesteps of a video: the level that all of them share does not help to choose."""

from torch import Tensor


def standardised(x_BT: Tensor, valid_BT: Tensor) -> Tensor:
    """Values scaled to mean 0 and standard deviation 1 over the valid timesteps of each video; 0 on padding."""
    count_B1 = valid_BT.sum(dim=1, keepdim=True)
    mean_B1 = (x_BT * valid_BT).sum(dim=1, keepdim=True) / count_B1
    centred_BT = (x_BT - mean_B1) * valid_BT
    std_B1 = (centred_BT.square().sum(dim=1, keepdim=True) / count_B1).sqrt()
    # Where all timesteps are equal the deviation is 0, and the result is 0 too.
    return centred_BT / std_B1.clamp_min(1e-6)
