"""Encode planned composites to files that do not exist yet, and make their manifest rows."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from epitoma.datasets.clip_sequences import CompositeVideo
from epitoma.datasets.composites import LookConfig
from epitoma.datasets.made_videos import made_file, made_row
from epitoma.datasets.schema import VideoRow
from epitoma.video.compose import read_comment, write_video
from epitoma.video.shots import shot_frames


def write_composite(video: CompositeVideo, config: LookConfig, folder: str | Path) -> tuple[VideoRow, bool]:
    """Encode one video as `<folder>/<video id>.mp4`, unless the file exists with the same content.

    The digest of all settings is stored as the comment of the file and compared.

    Returns:
        The manifest row, and whether the video was encoded by this call.

    Raises:
        VideoError: A clip can no longer be read.
    """
    path = made_file(video, folder)
    content = digest(video, config)
    is_made = read_comment(path) == content
    if not is_made:
        frames = shot_frames(video.shots, fps=config.fps, size=config.size)
        write_video(path, frames, fps=config.fps, gop=config.gop, comment=content)
    evidence = ((shown.start_frame, shown.end_frame, video.class_name) for shown in video.evidence)
    return made_row(video, path, fps=config.fps, evidence=evidence), not is_made


def digest(video: CompositeVideo, config: LookConfig) -> str:
    """SHA-256 of everything that determines a video: content of its clips, how they are shown, encoding settings."""
    # The digest of each clip instead of its path, so that moved clips do not cause a new encoding.
    shots = [
        {**asdict(shot), "path": clip.digest} for shot, clip in zip(video.shots, video.clips, strict=True)
    ]
    settings = {"fps": config.fps, "size": config.size, "gop": config.gop, "shots": shots}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
