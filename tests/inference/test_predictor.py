"""Asking a model about files: the answer is what the whole model says of all pixels, and errors are one line."""

from pathlib import Path

import numpy as np
import pytest
import torch

import epitoma
from epitoma.core.errors import ConfigError, RunError, VideoError
from epitoma.core.sampling import uniform_timesteps
from epitoma.core.selection import PixelCandidates, all_valid
from epitoma.datasets.manifest import Manifest
from epitoma.models.videoepitoma import ModelConfig, build_model
from epitoma.training.checkpoint import save_model, state_of
from epitoma.video.decode import FrameRequest, decode_requests
from epitoma.video.index import index_video
from tests.conftest import CLASSES


@pytest.fixture
def run(tmp_path: Path, model_config: ModelConfig) -> Path:
    """An untrained model, saved as a run's is."""
    model = build_model(model_config).eval()
    save_model(tmp_path / "run" / "model", config=model_config, state=state_of(model))
    return tmp_path / "run"


def all_pixels(path: str, config: ModelConfig) -> PixelCandidates:
    index = index_video(path)
    light, heavy = config.networks.light, config.networks.heavy
    timesteps = uniform_timesteps(index.frame_count, count=config.timesteps, frames_per_timestep=heavy.frames)
    views = [
        FrameRequest(frame_indices=timesteps.middle_frames_T, size=light.size),
        FrameRequest(frame_indices=timesteps.frames_TM.reshape(-1), size=heavy.size),
    ]
    frames, snippets = decode_requests(path, index, views).pictures
    snippets = snippets.reshape(*timesteps.frames_TM.shape, *snippets.shape[1:])
    return PixelCandidates(
        frames_BTCHW=torch.from_numpy(frames).movedim(-1, -3)[None],
        snippets_BTCMHW=torch.from_numpy(snippets).movedim(-1, -4)[None],
        valid_BT=all_valid(1, config.timesteps),
    )


@pytest.mark.parametrize("budget", [None, 1, 3, 8])
def test_looking_twice_is_looking_at_everything(
    run: Path, dataset: Manifest, model_config: ModelConfig, budget
):
    """Decoded in two sparse passes, a video gets the answer of the whole model on all of its pixels at once."""
    path = dataset.resolved_paths()[0]
    predictor = epitoma.load(run, device="cpu")
    said = predictor.predict(path, budget=budget)
    with torch.inference_mode():
        whole = predictor.model(all_pixels(path, model_config), budget=budget)
    scores_L = whole.logits_BL[0].softmax(dim=0)
    assert [said.scores[name] for name in CLASSES] == pytest.approx(scores_L.tolist(), abs=1e-5)
    assert said.label == CLASSES[int(scores_L.argmax())] == next(iter(said.scores))
    assert said.timesteps == tuple(np.flatnonzero(whole.selection.open_BT[0].numpy()))
    assert budget in (None, len(said.timesteps))
    assert said.alpha == pytest.approx(
        [float(whole.selection.alpha_BT[0, place]) for place in said.timesteps], abs=1e-5
    )


def test_where_it_looked_is_told_in_seconds_and_what_it_took(run: Path, dataset: Manifest):
    path = dataset.resolved_paths()[0]
    predictor = epitoma.load(run)
    few, more = predictor.predict(path, budget=1), predictor.predict(path, budget=8)
    duration_seconds = index_video(path).duration_seconds
    assert list(more.seconds) == sorted(more.seconds)
    assert 0 <= more.seconds[0] < more.seconds[-1] < duration_seconds
    assert 0 < few.gmacs < more.gmacs
    assert set(few.milliseconds) == {"decoding", "light", "heavy"}
    assert all(value > 0 for value in few.milliseconds.values())


def test_a_home_folder_is_found(run: Path, dataset: Manifest, monkeypatch):
    monkeypatch.setenv("HOME", str(run.parent))
    said = epitoma.load(f"~/{run.name}").predict(dataset.resolved_paths()[0], budget=1)
    assert len(said.timesteps) == 1


def test_a_damaged_model_is_said_in_one_line(run: Path):
    config, tensors = run / "model" / "config.json", run / "model" / "model.safetensors"
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[:1000])
    with pytest.raises(RunError, match=r"model\.safetensors is damaged"):
        epitoma.load(run)
    tensors.write_bytes(whole)
    config.write_text(config.read_text().replace('"kernels": 8', '"kernels": 9'))
    with pytest.raises(RunError, match=r"model\.safetensors does not fit"):
        epitoma.load(run)
    config.write_text("{")
    with pytest.raises(RunError, match=r"config\.json is not JSON"):
        epitoma.load(run)


def test_bad_input_is_said_in_one_line(run: Path, tmp_path: Path):
    with pytest.raises(RunError, match="no finished run"):
        epitoma.load(tmp_path / "nothing")
    predictor = epitoma.load(run)
    for budget in (9, 0, 2.5):
        with pytest.raises(ConfigError, match=f"from 1 to the 8 candidates, not {budget}"):
            predictor.predict("video.mp4", budget=budget)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    for path in (broken, tmp_path / "missing.mp4"):
        with pytest.raises(VideoError):
            predictor.predict(path)
