"""Strips of kept frames: one picture, with the kept frames of each video and the truth."""

from pathlib import Path

import matplotlib.image
import pytest

from benchmarks.selectors.datasets import Sizes
from benchmarks.selectors.strips import EVIDENCE, OTHER, StripsConfig, run

pytestmark = pytest.mark.usefixtures("ray_cluster")


def test_kept_frames_are_drawn_with_what_they_show(clips: Path, work, tmp_path, networks_config):
    config = StripsConfig(
        output=tmp_path / "out",
        footage=clips.parent,
        work=work,
        videos=3,
        kept=4,
        sizes=Sizes(train=24, validation=12, test=12),
        networks=networks_config,
        steps=1,
    )
    picture = matplotlib.image.imread(run(config))[..., :3]
    height, width, _ = picture.shape
    # Three rows of four frames.
    assert 300 < width < 800
    assert 300 < height < 900
    seen = {tuple(colour) for colour in (picture.reshape(-1, 3) * 255).round().astype(int).tolist()}
    borders = {tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in (EVIDENCE, OTHER)}
    assert borders & seen
