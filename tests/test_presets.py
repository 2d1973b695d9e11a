"""Presets: whole configs that say what the paper says, and become a command line's defaults."""

import pytest

from epitoma.core.config import from_dict, to_dict
from epitoma.core.errors import ConfigError
from epitoma.presets import PRESETS, preset
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.options import parse

REQUIRED = ["--manifest", "m.parquet", "--name", "run"]


def parsed(*arguments: str) -> TrainConfig:
    return parse(TrainConfig, [*arguments, *REQUIRED], about="", preset=preset)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_whole_config_that_json_can_hold(name: str):
    config = parsed("--preset", name)
    assert (str(config.manifest), config.name) == ("m.parquet", "run")
    assert from_dict(TrainConfig, to_dict(config), source="test") == config


@pytest.mark.parametrize("name", ["breakfast", "charades"])
def test_the_papers_hyper_parameters(name: str):
    config = parsed("--preset", f"{name}:resnet50_v1")
    optimisation = config.optimisation
    assert (optimisation.batch_size, optimisation.epochs) == (32, 100)
    assert (optimisation.learning_rate, optimisation.adam_epsilon) == (1e-3, 1e-4)
    assert (optimisation.optimizer, optimisation.weight_decay, optimisation.schedule) == (
        "adamw",
        0,
        "constant",
    )
    assert (config.timesteps, config.candidates, config.train_sampling) == (32, 32, "random")
    assert (config.source, config.networks.heavy.name) == ("pixels", "resnet50_v1")


def test_a_stand_alone_selector_has_one_light_network_for_both():
    config = parsed("--preset", "standalone:tf_efficientnet_lite0")
    assert config.networks.light.name == config.networks.heavy.name == "tf_efficientnet_lite0"
    assert config.source == "features"


def test_options_change_what_a_preset_says():
    config = parsed("--preset", "frozen", "--optimisation.epochs", "7", "--networks.heavy.name", "i3d")
    assert (config.optimisation.epochs, config.networks.heavy.name) == (7, "i3d")


def test_wrong_presets_are_one_line(tmp_path):
    with pytest.raises(ConfigError, match="there are standalone, frozen"):
        parsed("--preset", "nothing")
    with pytest.raises(ConfigError, match="needs a name"):
        parse(TrainConfig, ["--preset"], about="", preset=preset)
    file = tmp_path / "config.json"
    file.write_text("{}")
    with pytest.raises(ConfigError):
        parsed("--preset", "frozen", "--config", str(file))
    with pytest.raises(ConfigError, match="manifest"):
        parse(TrainConfig, ["--preset", "frozen"], about="", preset=preset)
