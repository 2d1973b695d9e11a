"""Valid files, which damaged ones are made of."""

import os
from pathlib import Path

from benchmarks.footage import footage
from epitoma.video.compose import write_video

SEEDS = {
    "h264.mp4": ("libx264", "ultrafast"),
    "h264.mkv": ("libx264", "ultrafast"),
    "h264.ts": ("libx264", "ultrafast"),
    "hevc.mp4": ("libx265", "ultrafast"),
    "mpeg4.avi": ("mpeg4", ""),
    "h264.avi": ("libx264", "ultrafast"),
    "mpeg2.mpg": ("mpeg2video", ""),
    "mpeg2.ts": ("mpeg2video", ""),
    "vp9.webm": ("libvpx-vp9", ""),
    "av1.mp4": ("libsvtav1", ""),
    "both_ways.mp4": ("libx264", "superfast"),
    "both_ways.avi": ("libx264", "superfast"),
}
"""Encoder and its preset: at x264's ``superfast`` frames are predicted from later ones too."""


def write_seeds(folder: Path) -> list[Path]:
    """Valid files of several codecs and containers."""
    os.environ.setdefault("SVT_LOG", "1")  # The AV1 encoder then says errors only.
    for name, (codec, preset) in SEEDS.items():
        frames = footage(60, width=160, height=120)
        write_video(folder / name, frames, fps=25, codec=codec, gop=12, preset=preset)
    return [folder / name for name in SEEDS]
