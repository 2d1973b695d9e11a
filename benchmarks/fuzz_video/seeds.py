"""Valid files, which damaged ones are made of."""

import os
from pathlib import Path

from benchmarks.footage import footage
from epitoma.video.compose import write_video

SEEDS = {
    "h264.mp4": "libx264",
    "h264.mkv": "libx264",
    "h264.ts": "libx264",
    "hevc.mp4": "libx265",
    "mpeg4.avi": "mpeg4",
    "h264.avi": "libx264",
    "mpeg2.mpg": "mpeg2video",
    "mpeg2.ts": "mpeg2video",
    "vp9.webm": "libvpx-vp9",
    "av1.mp4": "libsvtav1",
}


def write_seeds(folder: Path) -> list[Path]:
    """Valid files of several codecs and containers."""
    os.environ.setdefault("SVT_LOG", "1")  # The AV1 encoder then says errors only.
    for name, codec in SEEDS.items():
        write_video(folder / name, footage(60, width=160, height=120), fps=25, codec=codec, gop=12)
    return [folder / name for name in SEEDS]
