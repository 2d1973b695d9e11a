from pathlib import Path

import numpy as np
import pytest
import torch

from epitoma.core.config import to_dict
from epitoma.cost.milliseconds import TimeModel, measure_times, time_model_from
from epitoma.models.videoepitoma import Networks
from epitoma.video.compose import write_video

TIMES = TimeModel(light=1.0, heavy=10.0, light_decoding={1: 5.0, 4: 8.0}, heavy_decoding={1: 3.0, 4: 6.0})


def test_a_video_takes_what_its_parts_take():
    assert TIMES.at(4, kept=1, selected=True) == 8 + 4 * 1 + 3 + 10
    assert TIMES.at(4, kept=4, selected=False) == 6 + 40
    assert TIMES.at(4, kept=2.5, selected=False) == pytest.approx(4.5 + 25)


def test_times_survive_json():
    assert time_model_from(to_dict(TIMES)) == TIMES


def test_more_is_measured_to_take_longer(networks_config, tmp_path: Path):
    torch.manual_seed(0)
    video = tmp_path / "v.mp4"
    noise = np.random.default_rng(0).integers(0, 256, (90, 64, 64, 3), dtype=np.uint8)
    write_video(video, noise, fps=15)
    times = measure_times(Networks(networks_config), video, candidates=8)
    assert list(times.light_decoding) == list(times.heavy_decoding) == [1, 2, 4, 8]
    assert times.light > 0
    assert times.heavy > 0
    assert times.at(8, kept=8, selected=True) > times.at(8, kept=1, selected=True) > 0
