"""Files of composites: one planned video encoded, unless it is there already, and its row of the manifest."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from epitoma.datasets.composites import CompositeConfig, CompositeVideo
from epitoma.datasets.made_videos import made_file, made_row
from epitoma.datasets.schema import VideoRow
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
    path = made_file(video, folder)
    content = digest(video, config)
    is_made = read_comment(path) == content
    if not is_made:
        frames = shot_frames(video.shots, fps=config.fps, size=config.size)
        write_video(path, frames, fps=config.fps, gop=config.gop, comment=content)
    evidence = ((shown.start_frame, shown.end_frame, video.class_name) for shown in video.evidence)
    return made_row(video, path, fps=config.fps, evidence=evidence), not is_made


def digest(video: CompositeVideo, config: CompositeConfig) -> str:
    """Name all that a video's bytes follow from: what its clips hold, how they are shown and encoded."""
    shots = [
        {**asdict(shot), "path": clip.digest} for shot, clip in zip(video.shots, video.clips, strict=True)
    ]
    settings = {"fps": config.fps, "size": config.size, "gop": config.gop, "shots": shots}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
