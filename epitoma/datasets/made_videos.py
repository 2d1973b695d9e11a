"""File paths and manifest rows of generated videos, shared by the synthetic and the composite maker."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from epitoma.datasets.schema import Interval, VideoRow


class PlannedVideo(Protocol):
    """A video that has been planned but perhaps not encoded."""

    @property
    def video_id(self) -> str:
        """Id, unique in the dataset; also the file name."""
        ...

    @property
    def split(self) -> str:
        """One of SPLITS."""
        ...

    @property
    def class_name(self) -> str:
        """Label."""
        ...

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        ...


def made_file(video: PlannedVideo, folder: str | Path) -> Path:
    """Path `<folder>/<video id>.mp4`, absolute; the folder is created."""
    path = Path(folder).absolute() / f"{video.video_id}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def made_row(
    video: PlannedVideo, path: Path, *, fps: int, evidence: Iterable[tuple[int, int, str]]
) -> VideoRow:
    """Make the manifest row of an encoded video.

    Args:
        video: Plan of the video.
        path: File of the video.
        fps: Frames a second.
        evidence: First frame, end frame (exclusive) and label of every interval.
    """
    return VideoRow(
        video_id=video.video_id,
        path=str(path),
        split=video.split,
        labels=(video.class_name,),
        duration_seconds=video.frame_count / fps,
        fps=float(fps),
        frame_count=video.frame_count,
        intervals=tuple(
            Interval(start_seconds=start / fps, end_seconds=end / fps, label=label)
            for start, end, label in evidence
        ),
    )
