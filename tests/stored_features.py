"""Stored features of the tiny dataset, random ones, for tests of what is done with them."""

import numpy as np
import torch

from epitoma.core.sampling import uniform_timesteps
from epitoma.datasets.manifest import Manifest
from epitoma.training.feature_store import Stored

FRAMES, TIMESTEPS = 2, 5


def stored_of(split: Manifest) -> Stored:
    """Random features of all videos but the second, which is as one that could not be read."""
    video_ids = [name for place, name in enumerate(split.video_ids) if place != 1]
    counts = split.only(video_ids).table["frame_count"].to_pylist()
    starts = [
        uniform_timesteps(count, count=TIMESTEPS, frames_per_timestep=FRAMES).starts_T for count in counts
    ]
    features = torch.randn(len(video_ids), TIMESTEPS, 6, generator=torch.Generator().manual_seed(0))
    return Stored(
        video_ids=video_ids,
        starts_VT=np.stack(starts).astype(np.int32),
        light_VTC=features,
        heavy_VTC=features,
    )
