"""Times are measured by a worker, with a video that can be read."""

from pathlib import Path

import pytest
import torch

from epitoma.core.errors import VideoError
from epitoma.datasets.manifest import Manifest
from epitoma.models.videoepitoma import Networks
from epitoma.on_ray.decode.attempts import STALL_VARIABLE
from epitoma.on_ray.tune.times import times_on_worker
from tests.silent_server import silent_server


@pytest.fixture
def networks(networks_config) -> Networks:
    torch.manual_seed(0)
    return Networks(networks_config)


@pytest.mark.usefixtures("ray_cluster")
def test_another_video_is_measured_where_the_first_stalls_its_reader(
    networks: Networks, dataset: Manifest, monkeypatch, capsys
):
    monkeypatch.setenv(STALL_VARIABLE, "1")
    with silent_server() as stalls:
        times = times_on_worker(networks, [stalls, *dataset.resolved_paths()], candidates=4)
    assert list(times.light_decoding) == [1, 2, 4]
    assert min(times.light, times.heavy, *times.heavy_decoding.values()) > 0
    assert f"another video, {stalls}: stalls the process" in capsys.readouterr().out


@pytest.mark.usefixtures("ray_cluster")
def test_few_videos_are_tried(networks: Networks, dataset: Manifest, tmp_path: Path, capsys):
    gone = [str(tmp_path / f"{number}.mp4") for number in range(3)]
    with pytest.raises(VideoError, match=r"2\.mp4"):
        times_on_worker(networks, [*gone, *dataset.resolved_paths()], candidates=4)
    assert capsys.readouterr().out.count("another video") == 2
