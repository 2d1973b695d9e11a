"""Output pictures of wanted frames, at every requested size, filled while frames are decoded.

A wanted frame that is not decoded gets the picture of the nearest frame that is. A nearer frame replaces a farther one,
in whatever order they are decoded, so nothing here needs to know which frames are damaged.
"""

from collections.abc import Collection, Sequence

import numpy as np
from av.video.frame import VideoFrame

from epitoma.video.index import VideoIndex
from epitoma.video.scale import SquareScaler


class Sheet:
    """The pictures of one request.

    Args:
        frame_indices: int (n,), in any order, repeats allowed.
        size: Side of the squares in pixels.
        rotation: Degrees counter-clockwise that turn a stored frame upright.
    """

    def __init__(self, frame_indices: np.ndarray, *, size: int, rotation: int) -> None:
        frames, first, inverse = np.unique(
            np.asarray(frame_indices, dtype=np.int64), return_index=True, return_inverse=True
        )
        self.frames = frames[inverse]
        # A repeated frame is scaled into its first row only, and copied to the others at the end.
        self._row_of: dict[int, int] = dict(zip(frames.tolist(), first.tolist(), strict=True))
        self._array = np.empty((len(inverse), size, size, 3), dtype=np.uint8)
        self._scaler = SquareScaler(size=size, rotation=rotation)

    def show(self, frame: VideoFrame, *, wanted: int) -> None:
        """Write a frame as the picture of a wanted one, if this request has that."""
        row = self._row_of.get(wanted)
        if row is not None:
            self._scaler.scale_into(self._array[row], frame)

    def completed(self, shown: Collection[int]) -> np.ndarray:
        """Return the pictures, uint8 (n, size, size, 3), with copies of the nearest one where there is none.

        Args:
            shown: Wanted frames that have a picture; at least one of this request, unless the request is empty.
        """
        available = np.array([frame for frame in self._row_of if frame in shown])
        for row, frame in enumerate(self.frames.tolist()):
            nearest = frame if frame in shown else int(available[np.abs(available - frame).argmin()])
            if self._row_of[nearest] != row:
                self._array[row] = self._array[self._row_of[nearest]]
        return self._array


class Pictures:
    """The pictures of all requests for frames of one video.

    Args:
        index: The video's frames and keyframes.
        sheets: One for each request.
    """

    def __init__(self, index: VideoIndex, sheets: Sequence[Sheet]) -> None:
        self.wanted = np.unique(np.concatenate([sheet.frames for sheet in sheets]))
        self._index = index
        self._sheets = sheets
        self._shown_for: dict[int, int] = {}

    def show(self, frame: VideoFrame, *, wanted: int, shown: int) -> None:
        """Write a frame as the picture of a wanted one, unless it has one at least as near.

        Args:
            frame: The decoded frame.
            wanted: Index of the wanted frame.
            shown: Index of the decoded frame.
        """
        before = self._shown_for.get(wanted)
        if before is not None and self._distance(before, wanted) <= self._distance(shown, wanted):
            return
        self._shown_for[wanted] = shown
        for sheet in self._sheets:
            sheet.show(frame, wanted=wanted)

    def missing(self, *, tolerance_seconds: float) -> np.ndarray:
        """Return the wanted frames that have no picture within the tolerance."""
        # Not `>`: frames without any picture deviate by NaN, and must count as missing.
        return self.wanted[~(self._deviation(self.wanted) <= tolerance_seconds)]

    def lack_a_request(self) -> bool:
        """Whether there is no picture at all of a request's frames."""
        return any(
            len(sheet.frames) and not any(frame in self._shown_for for frame in sheet.frames.tolist())
            for sheet in self._sheets
        )

    def deviation_seconds(self) -> tuple[np.ndarray, ...]:
        """Return for each request the time between shown and wanted frames in seconds, float64 (n,)."""
        return tuple(self._deviation(sheet.frames) for sheet in self._sheets)

    def completed(self) -> tuple[np.ndarray, ...]:
        """Return the pictures of each request; a frame without one gets a copy of the request's nearest one."""
        return tuple(sheet.completed(self._shown_for) for sheet in self._sheets)

    def _distance(self, shown: int, wanted: int) -> int:
        return abs(int(self._index.pts[shown]) - int(self._index.pts[wanted]))

    def _deviation(self, frames: np.ndarray) -> np.ndarray:
        wanted = frames.tolist()
        # NaN for frames without any picture.
        units = [
            self._distance(self._shown_for[frame], frame) if frame in self._shown_for else np.nan
            for frame in wanted
        ]
        return np.array(units, np.float64) * float(self._index.time_base)
