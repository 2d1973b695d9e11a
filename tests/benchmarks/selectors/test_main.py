"""The whole benchmark on clips of three colours, small enough for a test."""

import json
from pathlib import Path

import pytest

from benchmarks.selectors.__main__ import SelectorsConfig, chosen, run
from benchmarks.selectors.datasets import Sizes
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.videos import KEPT
from benchmarks.selectors.ways import WAYS
from epitoma.core.errors import ConfigError
from epitoma.models.videoepitoma import NetworksConfig
from tests.benchmarks.coloured_clips import write_coloured_clips


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_coloured_clips(tmp_path / "clips", frames=6)


def config_of(clips: Path, folder: Path, networks: NetworksConfig) -> SelectorsConfig:
    return SelectorsConfig(
        clips=clips,
        filler="nothing",
        footage=folder / "none",
        only=("clips",),
        json=folder / "out" / "selectors.json",
        figure=folder / "selectors.png",
        work=folder / "work",
        seeds=(0, 1),
        sizes=Sizes(train=16, validation=8, test=8),
        networks=networks,
        steps=1,
        batch_size=8,
        candidates=32,
        recipe=Recipe(validations=1),
    )


@pytest.mark.slow
def test_every_way_at_every_number_of_timesteps(ray_cluster, clips, tmp_path, networks_config, capsys):
    config = config_of(clips, tmp_path, networks_config)
    rows = run(config)
    told = json.loads((tmp_path / "out" / "selectors.json").read_text())
    names = [name for way in WAYS for name in (way.name, *way.also)]
    asked = {(name, kept) for name in names for kept in KEPT if name != "dense"} | {("dense", 128)}
    assert {(cell["selector"], cell["timesteps"]) for cell in told} == asked
    assert len(told) == len(rows) == len(asked)
    for cell in told:
        assert (cell["dataset"], cell["seeds"]) == ("clips", 2)
        assert 0 <= cell["mean"] <= 1
        assert cell["std"] >= 0
        assert cell["milliseconds"] > 0
    cost = {(cell["selector"], cell["timesteps"]): cell["gmacs"] for cell in told}
    assert cost["uniform", 8] == pytest.approx(8 * cost["uniform", 1])
    assert cost["ours", 8] > cost["uniform", 8]
    printed = capsys.readouterr().out
    assert all(f"| {name} |" in printed for name in names)
    assert (tmp_path / "selectors.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filler": None}, "--clips and --filler go together"),
        ({"only": ("nowhere",)}, "there is no dataset 'nowhere'"),
    ],
)
def test_what_is_not_there_is_refused(clips, tmp_path, networks_config, changes, message):
    config = config_of(clips, tmp_path, networks_config)
    for name, value in changes.items():
        setattr(config, name, value)
    with pytest.raises(ConfigError, match=message):
        chosen(config)
