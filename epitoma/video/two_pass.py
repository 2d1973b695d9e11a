"""Decoding a video in two sparse passes: the middle frame of every candidate, then the snippets of kept timesteps.

A codec decodes everything from a keyframe to the wanted frame, so where keyframes are rare the first pass decodes most
frames of the second. There the first pass keeps the snippets of all candidates too.

Nothing here imports torch: importing it takes a process longer than decoding a dozen videos.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from epitoma.core.sampling import uniform_subset, uniform_timesteps
from epitoma.core.timesteps import Timesteps
from epitoma.video.decode import Decoded, FrameRequest, decode_requests
from epitoma.video.index import VideoIndex
from epitoma.video.plan import plan_decode

MAX_KEPT_SNIPPET_BYTES = 128 * 2**20
"""Most pixels of snippets that the first pass may keep for the second, in bytes per video."""

SCALING_OF_DECODING = 0.5
"""Cost of scaling a frame to a square, relative to decoding it: 0.4 at 640 x 360 and 0.5 at 1280 x 720."""

CARRYING_OF_DECODING = 12.0
"""Cost of a pixel that the first pass keeps (allocation, and copies between processes of ``on_ray``), relative to
decoding one: about 20 ns to 1.7. So keeping pays for large frames that are scaled to small squares."""

EXPECTED_SHARE = 4
"""Candidates per kept timestep to expect where gates decide."""


@dataclass(frozen=True, kw_only=True)
class FirstPass:
    """Result of the first pass over a video.

    Attributes:
        frames_THWC: Middle frames of all candidates, uint8; shape ``(0, 0, 0, 3)`` without a selector.
        snippets_TMHWC: Snippets of all candidates, uint8, if the first pass kept them; else None.
    """

    frames_THWC: np.ndarray
    snippets_TMHWC: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class TwoPass:
    """How the frames that a model needs are decoded.

    Attributes:
        timesteps: Candidate timesteps, T.
        frames: Successive frames of a timestep, ``m``.
        light_size: Height and width of LightNet's frames in pixels; None without a selector.
        heavy_size: Height and width of HeavyNet's frames in pixels.
    """

    timesteps: int
    frames: int
    light_size: int | None
    heavy_size: int

    def candidates(self, index: VideoIndex) -> Timesteps:
        """Uniform candidate timesteps of a video."""
        return uniform_timesteps(index.frame_count, count=self.timesteps, frames_per_timestep=self.frames)

    def first_pass(
        self, video: str | Path, index: VideoIndex, timesteps: Timesteps, *, budget: int | None = None
    ) -> FirstPass:
        """Decode the middle frames of all candidates, and their snippets where that is cheaper than a second pass.

        Args:
            video: Path or address of the video.
            index: Its frames and keyframes.
            timesteps: The candidates.
            budget: Number of timesteps that will be kept; None if gates decide.

        Raises:
            VideoError: The video cannot be read.
        """
        if self.light_size is None:
            return FirstPass(frames_THWC=np.zeros((0, 0, 0, 3), np.uint8))
        middle = FrameRequest(frame_indices=timesteps.middle_frames_T, size=self.light_size)
        if self._keeps_snippets(index, timesteps, budget):
            decoded = decode_requests(video, index, [middle, self._close(timesteps)], max_replaced_share=1.0)
            # A damaged file always gets two passes, so that lost frames are replaced by the same ones in every case.
            if not decoded.replaced:
                frames_THWC, pixels = decoded.pictures
                return FirstPass(frames_THWC=frames_THWC, snippets_TMHWC=_snippets(pixels, timesteps))
        return FirstPass(frames_THWC=decode_requests(video, index, [middle]).pictures[0])

    def second_pass(
        self, video: str | Path, index: VideoIndex, kept: Timesteps
    ) -> tuple[np.ndarray, Decoded]:
        """Decode the snippets of kept timesteps, uint8 ``(P, M, H, W, 3)``; returns also the decoder's statistics.

        Raises:
            VideoError: The video cannot be read.
        """
        decoded = decode_requests(video, index, [self._close(kept)])
        return _snippets(decoded.pictures[0], kept), decoded

    def snippets_of(
        self, first: FirstPass, video: str | Path, index: VideoIndex, timesteps: Timesteps, kept: np.ndarray
    ) -> np.ndarray:
        """Snippets of kept candidates, given by number: from the first pass, or decoded now.

        Raises:
            VideoError: The video cannot be read.
        """
        if first.snippets_TMHWC is not None:
            return first.snippets_TMHWC[kept]
        return self.second_pass(video, index, only(timesteps, kept))[0]

    def _close(self, timesteps: Timesteps) -> FrameRequest:
        return FrameRequest(frame_indices=timesteps.frames_TM.reshape(-1), size=self.heavy_size)

    def _keeps_snippets(self, index: VideoIndex, timesteps: Timesteps, budget: int | None) -> bool:
        """Whether decoding all snippets in the first pass costs less than a second pass for the kept ones."""
        if timesteps.frames_TM.size * self.heavy_size**2 * 3 > MAX_KEPT_SNIPPET_BYTES:
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
    """Select some of a video's timesteps, by number or mask."""
    return replace(timesteps, starts_T=timesteps.starts_T[kept])


def _snippets(pixels: np.ndarray, timesteps: Timesteps) -> np.ndarray:
    return pixels.reshape(*timesteps.frames_TM.shape, *pixels.shape[1:])
