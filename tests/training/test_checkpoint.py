from pathlib import Path

import pytest
import torch

from epitoma.core.errors import ConfigError, RunError
from epitoma.files.json_files import read_json, write_json
from epitoma.models.videoepitoma import build_model
from epitoma.training.best_epoch import BestEpoch
from epitoma.training.checkpoint import (
    STATE_FILE,
    Progress,
    load_model,
    load_training,
    model_folder,
    save_model,
    save_training,
    state_of,
)


def test_a_model_comes_back_whole(tmp_path: Path, model_config):
    model = build_model(model_config).eval()
    model.gating.set_threshold(0.3)
    save_model(tmp_path / "model", config=model_config, state=state_of(model))
    loaded, config = load_model(tmp_path / "model")
    assert config == model_config
    assert not loaded.training
    own, theirs = model.state_dict(), loaded.state_dict()
    assert own.keys() == theirs.keys()
    assert all(torch.equal(own[name], theirs[name]) for name in own)


def test_nothing_on_disk_is_a_pickle(tmp_path: Path, model_config):
    model = build_model(model_config)
    save_model(tmp_path, config=model_config, state=state_of(model))
    optimizer = torch.optim.AdamW(model.parameters())
    save_training(
        tmp_path,
        model=state_of(model),
        best=state_of(model),
        optimizer=optimizer,
        progress=Progress(),
    )
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_training_state_comes_back_exactly(tmp_path: Path):
    def make():
        torch.manual_seed(0)
        layer = torch.nn.Linear(3, 2)
        groups = [{"params": [layer.weight], "lr": 0.02}, {"params": [layer.bias], "lr": 0.1}]
        return layer, torch.optim.Adam(groups)

    def step(layer, optimizer):
        layer.zero_grad()
        layer(torch.ones(4, 3)).square().sum().backward()
        optimizer.step()

    layer, optimizer = make()
    step(layer, optimizer)
    progress = Progress(
        epoch=3,
        multiplier=-0.25,
        best=BestEpoch(epoch=2, score=0.5, timesteps=4.0, top_score=0.5),
    )
    best = {"weight": torch.ones(1)}
    save_training(tmp_path, model=state_of(layer), best=best, optimizer=optimizer, progress=progress)
    again, other_optimizer = make()
    model, loaded_best, loaded = load_training(tmp_path, optimizer=other_optimizer)
    again.load_state_dict(model)
    assert loaded == progress
    assert torch.equal(loaded_best["weight"], best["weight"])
    for _ in range(2):
        step(layer, optimizer)
        step(again, other_optimizer)
    assert torch.equal(layer.weight, again.weight)
    assert torch.equal(layer.bias, again.bias)


def test_a_torn_checkpoint_is_an_error_that_names_what_is_missing(tmp_path: Path):
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    save_training(tmp_path, model=state_of(layer), best={}, optimizer=optimizer, progress=Progress())
    (tmp_path / STATE_FILE).unlink()
    with pytest.raises(RunError, match=r"no state\.json"):
        load_training(tmp_path, optimizer=optimizer)


def test_a_model_config_with_an_unknown_field_is_refused(tmp_path: Path, model_config):
    save_model(tmp_path, config=model_config, state=state_of(build_model(model_config)))
    values = read_json(tmp_path / "config.json")
    values["head"]["selector"]["kernel_count"] = 3
    write_json(tmp_path / "config.json", values)
    with pytest.raises(ConfigError, match=r"config\.json.*kernel_count"):
        load_model(tmp_path)


def test_a_model_whose_writing_was_cut_off_is_no_finished_one(tmp_path: Path, model_config):
    """The file by which a model counts as finished comes last, whatever goes wrong before it."""
    state = {**build_model(model_config).state_dict(), "broken": torch.empty(1, device="meta")}
    with pytest.raises((RuntimeError, NotImplementedError)):
        save_model(tmp_path, config=model_config, state=state)
    with pytest.raises(RunError, match="no finished run"):
        model_folder(tmp_path)
    save_model(tmp_path, config=model_config, state=build_model(model_config).state_dict())
    written = sorted(tmp_path.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    assert written[-1].name == "model.safetensors"


def test_no_model_is_a_clear_error(tmp_path: Path):
    with pytest.raises(RunError, match="does not exist or has not finished"):
        load_model(tmp_path / "nothing")
