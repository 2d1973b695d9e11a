"""What the makers of videos share: where a video they encode lies, and its row of the manifest."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from epitoma.datasets.schema import Interval, VideoRow


class PlannedVideo(Protocol):
    """What is known of a video before it is encoded."""

    @property
    def video_id(self) -> str:
        """Unique in the dataset; names the file."""
        ...

    @property
    def split(self) -> str:
        """One of SPLITS."""
        ...

    @property
    def class_name(self) -> str:
        """Its label."""
        ...

    @property
    def frame_count(self) -> int:
        """Frames it will have."""
        ...


def made_file(video: PlannedVideo, folder: str | Path) -> Path:
    """Path of `<folder>/<video id>.mp4`, whose folder is made."""
    path = Path(folder).absolute() / f"{video.video_id}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def made_row(
    video: PlannedVideo, path: Path, *, fps: int, evidence: Iterable[tuple[int, int, str]]
) -> VideoRow:
    """Row of the manifest of an encoded video.

    Args:
        video: What was planned.
        path: Its file.
        fps: Frames a second.
        evidence: First frame, end frame and label of every interval.
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
