"""Pictures that small networks are pretrained on: they show what their labels say, and are learnt from."""

import torch

from benchmarks.end_to_end.pictures import (
    COLOURS,
    SHAPES,
    pictures_of_sprites,
    pretrain,
    small_networks,
)
from epitoma.models.videoepitoma import Networks


def test_pictures_show_a_shape_and_a_colour_or_neither():
    pixels_NCHW, shown = pictures_of_sprites(90, seed=0)
    assert pixels_NCHW.shape == (90, 3, 96, 96)
    assert set(shown["shape"].tolist()) <= set(range(len(SHAPES) + 1))
    assert set(shown["colour"].tolist()) <= set(range(len(COLOURS) + 1))
    assert torch.equal(shown["shape"] == 0, shown["colour"] == 0)
    assert 0 < (shown["shape"] == 0).sum() < 30


def test_what_is_red_is_redder_than_what_is_blue():
    pixels_NCHW, shown = pictures_of_sprites(300, seed=1)
    middle_NC = pixels_NCHW[:, :, 32:64, 32:64].float().mean(dim=(2, 3))
    redness_N = middle_NC[:, 0] - middle_NC[:, 2]
    red, blue = (redness_N[shown["colour"] == 1 + COLOURS.index(name)] for name in ("red", "blue"))
    assert red.mean() > blue.mean() + 20


def test_pretraining_is_the_same_each_time_and_moves_weights():
    pictures = pictures_of_sprites(64, seed=0)
    one, other, untaught = (pretrain("small_light", pictures, epochs=epochs) for epochs in (1, 1, 0))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert not all(torch.equal(one[key], untaught[key]) for key in one)


def test_networks_are_built_from_the_kept_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.end_to_end.pictures.PICTURES", 64)
    monkeypatch.setattr("benchmarks.end_to_end.pictures.EPOCHS", 1)
    networks = Networks(small_networks(tmp_path))
    taught = pretrain("small_heavy", pictures_of_sprites(64, seed=0), epochs=1)
    assert all(torch.equal(value, taught[key]) for key, value in networks.heavy.net.state_dict().items())
    kept = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.safetensors")}
    assert len(kept) == 2
    small_networks(tmp_path)
    assert kept == {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.safetensors")}
