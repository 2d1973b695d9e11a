"""Spaces are refused before anything starts, with a line that says what to change."""

from itertools import islice
from pathlib import Path

import pytest
from ray import tune

from epitoma.core.errors import ConfigError
from epitoma.models.selector import TimestepSelector
from epitoma.on_ray.tune.search_space import (
    SearchSpace,
    changed,
    load_space,
    most_epochs,
    most_timesteps,
)
from epitoma.on_ray.tune.space_checks import check_combinations, check_values
from epitoma.training.run_config import TrainConfig

BASE = TrainConfig(manifest=Path("m.parquet"), name="base", timesteps=32)


def check_space(space: SearchSpace, base: TrainConfig, *, seed: int) -> None:
    check_values(space, base, seed=seed)
    check_combinations(space, base, seed=seed)


@pytest.fixture
def write(tmp_path: Path):
    def written(text: str) -> str:
        path = tmp_path / "space.py"
        path.write_text("from ray import tune\n" + text)
        return str(path)

    return written


@pytest.mark.parametrize("name", ["quick", "paper", "pareto"])
def test_our_own_spaces_fit_the_options_of_a_run(name):
    space = load_space(f"tune_spaces.{name}")
    check_space(space, BASE, seed=0)
    for changes in islice(space.draws(seed=0), 5):
        config = changed(BASE, changes, source=name)
        assert isinstance(config, TrainConfig)
        assert config != BASE


def test_a_file_of_ones_own_is_a_space(write):
    space = load_space(
        write(
            "SEARCH = 'variants'\nTRIALS = 3\n"
            "SPACE = {'timesteps': tune.grid_search([8, 64]), 'sparsity.target_timesteps': tune.randint(1, 5),\n"
            "         'optimisation.epochs': 2}"
        )
    )
    assert (space.trials, space.search) == (3, "variants")
    assert space.fixed == {"optimisation.epochs": 2}
    assert most_timesteps(space, BASE) == 64
    check_space(space, BASE, seed=0)
    seen = list(islice(space.draws(seed=0), 40))
    assert {draw["timesteps"] for draw in seen} == {8, 64}
    assert {draw["sparsity.target_timesteps"] for draw in seen} == {1, 2, 3, 4}
    assert all(type(draw["sparsity.target_timesteps"]) is int for draw in seen)
    assert set(space.param_space) == {"timesteps", "sparsity.target_timesteps"}


def test_a_part_is_given_by_its_name_and_brings_its_options(write):
    space = load_space(
        write(
            "SPACE = {'head.selector.kernels': tune.grid_search([8, 16]), 'head.selector': 'paper',\n"
            "         'head.classifier': tune.grid_search(['paper', 'epitoma'])}"
        )
    )
    check_space(space, BASE, seed=0)
    configs = [changed(BASE, changes, source="test") for changes in islice(space.draws(seed=0), 4)]
    assert {each.head.classifier.part for each in configs} == {"paper", "epitoma"}
    assert {type(each.head.selector) for each in configs} == {TimestepSelector.Config}
    assert {each.head.selector.kernels for each in configs} == {8, 16}


def test_the_most_epochs_are_those_of_any_trial(write):
    space = load_space(write("SPACE = {'optimisation.epochs': tune.grid_search([4, 40])}"))
    assert most_epochs(space, BASE) == BASE.optimisation.epochs == 100
    longer = load_space(write("SPACE = {'optimisation.epochs': tune.choice([4, 400])}"))
    assert most_epochs(longer, BASE) == 400


def test_the_upper_end_of_a_range_is_room_enough(write):
    space = load_space(write("SPACE = {'timesteps': tune.randint(8, 100)}"))
    assert most_timesteps(space, BASE) >= 99


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SPACE = {}", "not an empty one"),
        ("", "has no SPACE"),
        ("SPACE = {'sparsity.l0_wait': 1.0}", "there is no option 'sparsity.l0_wait'; there are mode, "),
        ("SPACE = {'sparsity.mode.x': 1.0}", "there is no option 'sparsity.mode.x'"),
        (
            "SPACE = {'sparsity.l0_weight': tune.choice([0.1, 'much'])}",
            "can be 'much', but must be of type float",
        ),
        ("SPACE = {'head.selector.kernels': tune.uniform(1, 5)}", "must be of type int"),
        ("SPACE = {'head.selector': tune.choice(['epitoma', 'best'])}", "there is no selector 'best'"),
        (
            "SPACE = {'head.selector': 'paper', 'head.selector.dropout': 0.1}",
            "there is no option 'head.selector.dropout'",
        ),
        ("SPACE = {'timesteps': tune.grid_search([])}", "the grid of timesteps is empty"),
        ("SPACE = {'sparsity.mode': tune.choice(['hard'])}", "can be 'hard', but must be of type"),
        (
            "SPACE = {'timesteps': 4, 'sparsity.target_timesteps': tune.choice([5, 6])}",
            "no combination .* possible",
        ),
        ("SPACE = {'name': 'mine'}", "name is the same in all trials"),
        ("SPACE = {'networks.light.size': 32}", "networks.light.size is the same in all trials"),
        ("SPACE = {'timesteps': tune.grid_search(5)}", "the grid of timesteps must be a list, not 5"),
        ("SPACE = {5: 1}", "SPACE has 5 where the name of an option should be"),
        (
            "SPACE = {'timesteps': tune.sample_from(lambda s: s.config.x)}",
            "timesteps cannot be drawn by itself",
        ),
        ("SEARCH = 'optuna'\nSPACE = {'optimisation.learning_rate': tune.randn(1, 1)}", "Optuna"),
        ("SEARCH = 'optuna'\nSPACE = {'timesteps': tune.grid_search([4])}", "optuna searches ranges"),
        ("SEARCH = 'luck'\nSPACE = {'timesteps': 4}", "SEARCH must be one of variants, optuna, not 'luck'"),
        ("TRIALS = 0\nSPACE = {'timesteps': 4}", "TRIALS must be a whole number"),
        ("SPACE = 1 / 0", "cannot be read: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(write, text, message):
    with pytest.raises(ConfigError, match=message):
        check_space(load_space(write(text)), BASE, seed=0)


@pytest.mark.parametrize("name", ["tune_spaces.none", "nowhere/space.py", "no such"])
def test_a_space_that_is_not_there(name):
    with pytest.raises(ConfigError, match="space"):
        load_space(name)


def test_whole_numbers_are_numbers():
    space = load_space("tune_spaces.pareto")
    assert isinstance(space.ranges["sparsity.target_timesteps"], type(tune.lograndint(1, 3)))
    drawn = next(space.draws(seed=0))
    config = changed(BASE, drawn, source="pareto")
    assert config.sparsity.target_timesteps == drawn["sparsity.target_timesteps"]
