"""Presets: whole configs that say what the paper says, and become a command line's defaults."""

from pathlib import Path

import pytest

from epitoma.core.config import flatten, from_dict, to_dict
from epitoma.core.errors import ConfigError
from epitoma.presets import ACTIVATION_MEGABYTES, PRESETS, parts_of_a_step, preset
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


PAPER = {
    "source": "pixels",
    "selection": "learnt",
    "loss": None,
    "networks.light.name": "mobilenetv3_small_100",
    "networks.light.normalisation": None,
    "networks.heavy.normalisation": None,
    "head.selector.part": "paper",
    "head.selector.context": True,
    "head.gating.gate": "clipped_sigmoid",
    "head.classifier.part": "paper",
    "head.classifier.dropout": 0.0,
    "sparsity.mode": "l0_weight",
    "optimisation.epochs": 100,
    "optimisation.batch_size": 32,
    "optimisation.learning_rate": 1e-3,
    "optimisation.network_learning_rate": 1e-3,
    "optimisation.adam_epsilon": 1e-4,
    "optimisation.gradient_norm": None,
    "optimisation.patience": None,
    "augmentation": [],
    "timesteps": 32,
    "train_timesteps": 32,
}
"""What the paper says, and nothing of ours."""

OPEN = {
    "head.selector.kernels": 128,
    "sparsity.l0_weight": 0.1,
}
"""What it leaves open (docs/method.md)."""

OF_THE_JOB = ("manifest", "name", "runs", "features", "plugin", "seed", "checkpoint_every", "resume")
OF_THE_MACHINE = ("workers.", "speed.", "max_reject_share", "register_as", "optimisation.accumulate")
UNUSED = (
    "start_from",
    "store_timesteps",
    "networks.light.",
    "networks.heavy.",
    "sparsity.",
    "optimisation.validate_every",
)
"""Where a run starts from, what other modes use, and how often it is looked at."""


@pytest.mark.parametrize("heavy", ["resnet50_v1", "shufflenet3d", "i3d"])
def test_the_papers_preset_is_the_papers_in_every_field(heavy: str):
    config = parsed("--preset", f"paper:{heavy}")
    fields = flatten(to_dict(config))
    said = PAPER | OPEN | {"networks.heavy.name": heavy}
    assert {name: fields[name] for name in said} == said
    others = [name for name in fields if name not in said]
    assert [name for name in others if not name.startswith((*OF_THE_JOB, *OF_THE_MACHINE, *UNUSED))] == []


def test_a_step_of_the_papers_is_split_by_what_a_gpu_holds():
    """Of 32 videos x 32 timesteps, all open: fewer than 40 GB of activations at a time."""
    parts = {name: parts_of_a_step(name) for name in ACTIVATION_MEGABYTES}
    for name, count in parts.items():
        assert 32 * 32 * ACTIVATION_MEGABYTES[name] / count <= 40_000
        assert count == 1 or 32 * 32 * ACTIVATION_MEGABYTES[name] / (count / 2) > 40_000
    assert preset("paper:i3d")(manifest=Path("m"), name="n").optimisation.accumulate == parts["i3d"]


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
