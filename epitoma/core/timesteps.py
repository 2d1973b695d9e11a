"""Timesteps: the candidate timesteps of one video; and the legend of tensor dimensions.

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
D      dense timesteps of a video in a feature store
A      parameters of a view (augmentation) of a video, see ``views.py``
====== ==========================================================================
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Timesteps:
    """Candidate timesteps of one video: snippets of successive frames.

    Attributes:
        starts_T: First frame of each timestep, int64; may repeat in a short video.
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
        """Frame numbers of every snippet, ``(T, M)``; past the end of the video the last frame is repeated."""
        frames = self.starts_T[:, None] + np.arange(self.frames_per_timestep)
        return np.minimum(frames, self.frame_count - 1)

    @property
    def middle_frames_T(self) -> np.ndarray:
        """The middle frame of each snippet, which LightNet runs on, ``f[j + m//2]``."""
        return self.frames_TM[:, self.frames_per_timestep // 2]
