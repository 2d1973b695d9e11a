from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from epitoma.video.compose import write_video


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of two seconds."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    rng = np.random.default_rng(0)
    write_video(path, (rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(16)), fps=8)
    return path


@pytest.fixture
def put_clips(clip: Path, tmp_path: Path) -> Callable[..., Path]:
    """Put the clip under every given path below `tmp_path`."""

    def put(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(clip.read_bytes())
        return tmp_path

    return put
