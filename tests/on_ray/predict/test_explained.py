"""Videos that cannot be explained: each ends in one line about that video."""

from pathlib import Path

import pytest

from epitoma.core.errors import VideoError
from epitoma.models.videoepitoma import ModelConfig, build_model
from epitoma.on_ray.decode.attempts import STALL_VARIABLE, STALLED
from epitoma.on_ray.predict.explained import explain_file
from tests.silent_server import silent_server

pytestmark = pytest.mark.usefixtures("ray_cluster")


def reason(path: str, config: ModelConfig) -> str:
    with pytest.raises(VideoError) as error:
        explain_file(path, build_model(config).eval(), config, gpu="false")
    assert error.value.path == path
    return error.value.reason


def test_one_that_stalls_its_decoder(model_config: ModelConfig, monkeypatch):
    monkeypatch.setenv(STALL_VARIABLE, "1")
    with silent_server() as stalls:
        assert reason(stalls, model_config) == STALLED.format(1)


def test_one_that_is_no_video_or_cannot_be_looked_for(model_config: ModelConfig, tmp_path: Path):
    (tmp_path / "a.mp4").write_bytes(b"no video at all")
    assert "cannot be read as a video" in reason(str(tmp_path / "a.mp4"), model_config)
    assert "File name too long" in reason(str(tmp_path / f"{300 * 'a'}.mp4"), model_config)
