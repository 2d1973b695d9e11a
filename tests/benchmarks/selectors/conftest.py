"""Clips of noise in folds, of which tests on footage are made, and their features, read once."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.selectors.folds import FILLER, FOLDS
from epitoma.video.compose import write_video

SHOWN = ("catch", "pour")


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of each class and fold, each of noise of its own, of one source a fold."""
    folder = tmp_path_factory.mktemp("folds") / "jhmdb"
    rng = np.random.default_rng(0)
    rows = ["path,label,source,fold"]
    for label in sorted({*FILLER, *SHOWN}):
        (folder / label).mkdir(parents=True)
        for fold in range(FOLDS):
            path = f"{label}/{fold}.mp4"
            frame = rng.integers(0, 255, (24, 32, 3)).astype(np.uint8)
            write_video(folder / path, [frame] * 6, fps=12)
            rows.append(f"{path},{label},s{fold},{fold}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of benchmarks, where the clips' features stay."""
    return tmp_path_factory.mktemp("work")
