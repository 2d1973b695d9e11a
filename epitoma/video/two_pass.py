"""Decoding a video in two sparse passes: the middle frame of every candidate, then the snippets of those that are kept.

A codec decodes everything between a keyframe and what is wanted, so where keyframes are rare the first pass has worked
through most of what the second will want. There the first pass keeps the snippets of all candidates too.

Nothing here imports torch: a process that only decodes would take longer to import it than to decode a dozen videos.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from epitoma.core.sampling import uniform_subset, uniform_timesteps
from epitoma.core.timesteps import Timesteps
from epitoma.video.decode import Decoded, FrameRequest, decode_requests
from epitoma.video.index import VideoIndex
from epitoma.video.plan import plan_decode

TAKEN_ALONG_BYTES = 128 * 2**20
"""Pixels of a video that the first pass may keep for the second, at most."""

SCALING_OF_DECODING = 0.5
"""What scaling a frame to a square costs, in decoded frames: 0.4 at 640 x 360 and 0.5 at 1280 x 720."""

CARRYING_OF_DECODING = 12.0
"""What a pixel costs that is taken along (fresh memory, and copies on its way through the processes of ``on_ray``), in
decoded pixels: about 20 ns to 1.7. So it pays for large frames, of which small squares are taken."""

EXPECTED_SHARE = 4
"""Of so many candidates one is expected to be kept where gates decide."""


@dataclass(frozen=True, kw_only=True)
class FirstPass:
    """What the first pass over a video gives.

    Attributes:
        frames_THWC: Middle frames of all candidates, uint8; ``(0, 0, 0, 3)`` where nothing chooses.
        snippets_TMHWC: The snippets of all candidates, uint8, where they were taken along; else None.
    """

    frames_THWC: np.ndarray
    snippets_TMHWC: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class TwoPass:
    """How the frames that a model needs are decoded.

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

    def first_pass(
        self, video: str | Path, index: VideoIndex, timesteps: Timesteps, *, budget: int | None = None
    ) -> FirstPass:
        """Decode the middle frames of all candidates, and their snippets where that is the cheaper way to some of them.

        Args:
            video: The file.
            index: Its frames.
            timesteps: The candidates.
            budget: How many of them will be kept, if that is known.

        Raises:
            VideoError: The video cannot be read.
        """
        if self.light_size is None:
            return FirstPass(frames_THWC=np.zeros((0, 0, 0, 3), np.uint8))
        middle = FrameRequest(frame_indices=timesteps.middle_frames_T, size=self.light_size)
        if self._takes_along(index, timesteps, budget):
            decoded = decode_requests(video, index, [middle, self._close(timesteps)], max_replaced_share=1.0)
            # A damaged file is read the other way, so that what is shown for lost frames is the same in every case.
            if not decoded.replaced:
                frames_THWC, pixels = decoded.pictures
                return FirstPass(frames_THWC=frames_THWC, snippets_TMHWC=_snippets(pixels, timesteps))
        return FirstPass(frames_THWC=decode_requests(video, index, [middle]).pictures[0])

    def second_pass(
        self, video: str | Path, index: VideoIndex, kept: Timesteps
    ) -> tuple[np.ndarray, Decoded]:
        """Snippets of the timesteps that are kept, uint8 ``(P, M, H, W, 3)``, and what decoding them came to.

        Raises:
            VideoError: The video cannot be read.
        """
        decoded = decode_requests(video, index, [self._close(kept)])
        return _snippets(decoded.pictures[0], kept), decoded

    def snippets_of(
        self, first: FirstPass, video: str | Path, index: VideoIndex, timesteps: Timesteps, kept: np.ndarray
    ) -> np.ndarray:
        """Snippets of the candidates that are kept, by number: those taken along, or decoded now.

        Raises:
            VideoError: The video cannot be read.
        """
        if first.snippets_TMHWC is not None:
            return first.snippets_TMHWC[kept]
        return self.second_pass(video, index, only(timesteps, kept))[0]

    def _close(self, timesteps: Timesteps) -> FrameRequest:
        return FrameRequest(frame_indices=timesteps.frames_TM.reshape(-1), size=self.heavy_size)

    def _takes_along(self, index: VideoIndex, timesteps: Timesteps, budget: int | None) -> bool:
        """Whether decoding all snippets at once costs less than coming back for those that are kept."""
        if timesteps.frames_TM.size * self.heavy_size**2 * 3 > TAKEN_ALONG_BYTES:
            return False
        count = len(timesteps.starts_T)
        kept = min(count, budget or max(1, count // EXPECTED_SHARE))
        closely = only(timesteps, uniform_subset(count, kept)).frames_TM
        at_once, middle, again = (
            plan_decode(index, frames.reshape(-1)).frames_decoded
            for frames in (timesteps.frames_TM, timesteps.middle_frames_T, closely)
        )
        scaled_in_vain = SCALING_OF_DECODING * (timesteps.frames_TM.size - closely.size)
        squares = timesteps.frames_TM.size * self.heavy_size**2 / (index.width * index.height)
        return at_once + scaled_in_vain + CARRYING_OF_DECODING * squares < middle + again


def only(timesteps: Timesteps, kept: np.ndarray) -> Timesteps:
    """Some of a video's timesteps, by number or mask."""
    return replace(timesteps, starts_T=timesteps.starts_T[kept])


def _snippets(pixels: np.ndarray, timesteps: Timesteps) -> np.ndarray:
    return pixels.reshape(*timesteps.frames_TM.shape, *pixels.shape[1:])
