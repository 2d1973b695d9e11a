"""The whole benchmark on clips of three colours, small enough for a test."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.selectors import measure as measure_module
from benchmarks.selectors.__main__ import SelectorsConfig, run
from benchmarks.selectors.datasets import Sizes
from benchmarks.selectors.measure import rows_of
from benchmarks.selectors.recipe import Recipe
from benchmarks.selectors.trained import Trained, preferred, read_trained
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
    told = json.loads((tmp_path / "out" / "selectors.json").read_text())["rows"]
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


def test_kept_trainings_are_not_done_again_and_what_lacks_is(
    ray_cluster, clips, tmp_path, networks_config, monkeypatch
):
    config = replace(config_of(clips, tmp_path, networks_config), ways=("saliency",), seeds=(0,))
    run(config)
    record = json.loads(config.json.read_text())
    # Another accuracy than was measured, to be known again; as if code had been other then.
    for training in record["trainings"]:
        training["accuracy"] = [0.123] * len(KEPT)
    config.json.write_text(json.dumps(record))
    # One seed is for tuning; under the other the preferred setting alone is trained.
    monkeypatch.setattr(measure_module, "TUNED_ON", 1)
    rows = run(replace(config, seeds=(0, 1), keep=True))
    assert {row.seeds for row in rows} == {2}
    assert {row.by_seed[0] for row in rows} == {0.123}
    assert any(row.by_seed[1] != 0.123 for row in rows)
    kept = read_trained(config.json)
    assert len(kept) == 3
    best = max((each for each in kept if each.seed == 0), key=lambda each: each.score)
    assert [each.settings for each in kept if each.seed == 1] == [best.settings]


def test_settings_are_chosen_by_validation_over_the_seeds_that_all_have():
    def training(setting: str, seed: int, validation: float) -> Trained:
        return Trained(
            dataset="clips",
            way="way",
            selector="way",
            settings={"setting": setting},
            seed=seed,
            looks=True,
            timesteps=(1, 2),
            kept=(1.0, 2.0),
            accuracy=(0.9 - validation, 0.8),
            validation=(validation, validation),
            commit="none",
        )

    found = [training("a", 0, 0.5), training("a", 1, 0.7), training("b", 0, 0.6), training("b", 1, 0.5)]
    # Under its own seed alone "b" is the best of all, which says nothing of "a".
    found.append(training("b", 2, 0.9))
    assert preferred(found) == {"setting": "a"}
    first, second = rows_of(found)
    assert (first.mean, first.seeds, first.by_seed) == (
        pytest.approx(0.3),
        2,
        {0: 0.4, 1: pytest.approx(0.2)},
    )
    assert second.std == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filler": None}, "--clips and --filler go together"),
        ({"only": ("nowhere",)}, "there is no dataset 'nowhere'"),
        ({"keep": True, "json": None}, "name it by --json"),
    ],
)
def test_what_is_not_there_is_refused(clips, tmp_path, networks_config, changes, message):
    config = config_of(clips, tmp_path, networks_config)
    for name, value in changes.items():
        setattr(config, name, value)
    with pytest.raises(ConfigError, match=message):
        run(config)
