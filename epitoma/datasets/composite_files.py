"""Files of composites: one planned video encoded, unless it is there already, and its row of the manifest."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from epitoma.datasets.composites import CompositeConfig, CompositeVideo
from epitoma.datasets.schema import Interval, VideoRow
from epitoma.video.compose import read_comment, write_video
from epitoma.video.shots import shot_frames


def write_composite(
    video: CompositeVideo, config: CompositeConfig, folder: str | Path
) -> tuple[VideoRow, bool]:
    """Encode one video as `<folder>/<video id>.mp4`, unless it is there already.

    Returns:
        Its row of the manifest, and whether it was encoded now.

    Raises:
        VideoError: A clip cannot be read any more.
    """
    path = Path(folder).absolute() / f"{video.video_id}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = digest(video, config)
    is_made = read_comment(path) == content
    if not is_made:
        frames = shot_frames(video.shots, fps=config.fps, size=config.size)
        write_video(path, frames, fps=config.fps, gop=config.gop, comment=content)
    return _row(video, config, path), not is_made


def digest(video: CompositeVideo, config: CompositeConfig) -> str:
    """Name all that a video's bytes follow from: what its clips hold, how they are shown and encoded."""
    shots = [
        {**asdict(shot), "path": clip.digest} for shot, clip in zip(video.shots, video.clips, strict=True)
    ]
    settings = {"fps": config.fps, "size": config.size, "gop": config.gop, "shots": shots}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _row(video: CompositeVideo, config: CompositeConfig, path: Path) -> VideoRow:
    return VideoRow(
        video_id=video.video_id,
        path=str(path),
        split=video.split,
        labels=(video.class_name,),
        duration_seconds=video.frame_count / config.fps,
        fps=float(config.fps),
        frame_count=video.frame_count,
        intervals=tuple(
            Interval(
                start_seconds=stretch.start_frame / config.fps,
                end_seconds=stretch.end_frame / config.fps,
                label=video.class_name,
            )
            for stretch in video.evidence
        ),
    )
