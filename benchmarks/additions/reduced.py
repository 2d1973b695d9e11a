"""Features in fewer channels: what most of their variance is in, found on training videos alone.

A head on 1280 channels takes five times as long to train as one on 256, and differences between heads, which is all
that is asked here, need many trainings.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from benchmarks.selectors.videos import Splits, Videos

ROWS = 20_000
"""Timesteps that the directions are found on."""


def reduced(splits: Splits, channels: int) -> Splits:
    """The same videos, with light and heavy features projected onto the directions of their largest variance."""
    training = splits.training.split
    light, heavy = (_projection(each, channels) for each in (training.light_VTC, training.heavy_VTC))

    def of(videos: Videos) -> Videos:
        split = replace(
            videos.split,
            light_VTC=light(videos.split.light_VTC),
            heavy_VTC=heavy(videos.split.heavy_VTC),
        )
        return replace(videos, split=split)

    return Splits(training=of(splits.training), validation=of(splits.validation), test=of(splits.test))


def _projection(features_VTC: Tensor, channels: int) -> Callable[[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(0)
    rows_NC = features_VTC.flatten(0, 1)
    some_NC = rows_NC[torch.randperm(len(rows_NC), generator=generator)[:ROWS]]
    mean_C = some_NC.mean(dim=0)
    apart_NC = some_NC - mean_C
    # The covariance's eigenvectors: exact, and of no randomness, unlike a sketch of them.
    values, vectors_CC = torch.linalg.eigh(apart_NC.T @ apart_NC / len(apart_NC))
    kept_CD = vectors_CC[:, values.argsort(descending=True)[:channels]]
    return lambda x_VTC: ((x_VTC - mean_C) @ kept_CD).contiguous()
