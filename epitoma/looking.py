"""Looking at a video twice, sparsely: the middle frame of every candidate, then the snippets of those that are kept.

Nothing here imports torch: a process that only decodes would take longer to import it than to decode a dozen videos.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from epitoma.sampling import uniform_timesteps
from epitoma.timesteps import Timesteps
from epitoma.video.decode import Decoded, View, decode_views
from epitoma.video.index import VideoIndex


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What a model wants to see of a video.

    Attributes:
        timesteps: Candidates, T.
        frames: Successive frames of a timestep, ``m``.
        light_size: Height and width of LightNet's frames in pixels; None where nothing chooses.
        heavy_size: Height and width of HeavyNet's frames in pixels.
    """

    timesteps: int
    frames: int
    light_size: int | None
    heavy_size: int

    def candidates(self, index: VideoIndex) -> Timesteps:
        """Uniform timesteps, among which a selector chooses."""
        return uniform_timesteps(index.frame_count, count=self.timesteps, frames_per_timestep=self.frames)

    def glance(self, video: str | Path, index: VideoIndex, timesteps: Timesteps) -> np.ndarray:
        """Middle frames of all candidates, uint8 ``(T, H, W, 3)``; ``(0, 0, 0, 3)`` where nothing chooses.

        Raises:
            VideoError: The video cannot be read.
        """
        if self.light_size is None:
            return np.zeros((0, 0, 0, 3), np.uint8)
        view = View(frame_indices=timesteps.middle_frames_T, size=self.light_size)
        return decode_views(video, index, [view]).pictures[0]

    def look_closely(
        self, video: str | Path, index: VideoIndex, kept: Timesteps
    ) -> tuple[np.ndarray, Decoded]:
        """Snippets of the timesteps that are kept, uint8 ``(P, M, H, W, 3)``, and what decoding them came to.

        Raises:
            VideoError: The video cannot be read.
        """
        view = View(frame_indices=kept.frames_TM.reshape(-1), size=self.heavy_size)
        decoded = decode_views(video, index, [view])
        pixels = decoded.pictures[0]
        return pixels.reshape(*kept.frames_TM.shape, *pixels.shape[1:]), decoded


def only(timesteps: Timesteps, kept: np.ndarray) -> Timesteps:
    """Some of a video's timesteps, by number or mask."""
    return replace(timesteps, starts_T=timesteps.starts_T[kept])
