"""Clips of three colours: a folder on which benchmarks on footage take seconds."""

from pathlib import Path

import numpy as np

from epitoma.video.compose import write_video

COLOURS = {"nothing": (120, 120, 120), "red": (230, 30, 30), "blue": (30, 30, 230)}


def write_coloured_clips(folder: Path, *, frames: int) -> Path:
    rng = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        for number in range(6):
            frame = np.clip(np.add(colour, rng.integers(-20, 20, (24, 32, 3))), 0, 255).astype(np.uint8)
            write_video(folder / label / f"{number}.mp4", [frame] * frames, fps=12)
    return folder
