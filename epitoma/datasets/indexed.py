"""Manifest rows from listed videos and the indices of their files."""

from collections.abc import Mapping, Sequence
from itertools import islice

from epitoma.core.errors import ManifestError
from epitoma.datasets.listing import ListedVideo
from epitoma.datasets.schema import Interval, VideoRow
from epitoma.video.index import VideoIndex

_NAMED = 5


def video_row(video: ListedVideo, index: VideoIndex) -> VideoRow:
    """Combine a listed video and its index; intervals are cut to the real duration of the video.

    Raises:
        ManifestError: The video has no split.
    """
    if video.split is None:
        raise ManifestError(f"{video.video_id}: has no split; draw splits before the videos are indexed")
    intervals = video.intervals
    return VideoRow(
        video_id=video.video_id,
        path=video.path,
        split=video.split,
        labels=video.labels,
        duration_seconds=index.duration_seconds,
        fps=index.fps,
        frame_count=index.frame_count,
        intervals=None if intervals is None else fit_intervals(intervals, index.duration_seconds),
    )


def fit_intervals(intervals: Sequence[Interval], duration_seconds: float) -> tuple[Interval, ...]:
    """Cut intervals to the duration of the video and drop empty ones; annotations often exceed their videos."""
    cut = [
        Interval(
            start_seconds=max(0.0, interval.start_seconds),
            end_seconds=min(duration_seconds, interval.end_seconds),
            label=interval.label,
        )
        for interval in intervals
    ]
    return tuple(interval for interval in cut if interval.end_seconds > interval.start_seconds)


def interval_notes(videos: Sequence[ListedVideo], rows: Sequence[VideoRow]) -> list[str]:
    """Notes on how many intervals were cut or dropped; videos and rows must be in the same order."""
    pairs = [(video.intervals or (), row.intervals or ()) for video, row in zip(videos, rows, strict=True)]
    cut = sum(interval not in said for said, kept in pairs for interval in kept)
    empty = sum(len(said) - len(kept) for said, kept in pairs)
    notes = [f"{cut} intervals reach past their video's ends and were cut there"] if cut else []
    return notes + (
        [f"{empty} intervals lie outside their video or are empty, and were left out"] if empty else []
    )


def stream_notes(indices: Mapping[str, VideoIndex]) -> list[str]:
    """Notes on which stream is decoded of files that have several videos in them, by video id."""
    chosen = ((video_id, index.chosen_stream) for video_id, index in indices.items())
    note = stream_note({video_id: stream for video_id, stream in chosen if stream is not None})
    return [] if note is None else [note]


def stream_note(chosen: Mapping[str, int]) -> str | None:
    """Note on which stream was chosen of files that have several videos in them, by video id; None without such files.

    At most _NAMED are named.
    """
    if not chosen:
        return None
    named = [f"{video_id} (stream {stream})" for video_id, stream in islice(chosen.items(), _NAMED)]
    more = f" and {len(chosen) - _NAMED} more" if len(chosen) > _NAMED else ""
    files = "1 file holds" if len(chosen) == 1 else f"{len(chosen)} files hold"
    return f"{files} several videos, of which FFmpeg's best is taken: {', '.join(named)}{more}"
