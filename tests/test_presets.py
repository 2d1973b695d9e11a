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
    "networks.light.weights": "hub",
    "networks.light.size": None,
    "networks.heavy.weights": "hub",
    "networks.heavy.size": None,
    "networks.heavy.frames": None,
    "speed.precision": None,
}
"""What it leaves open (docs/method.md); None of a network is what it was published with."""

PARTS = {"resnet50_v1": 4, "shufflenet3d": 4, "i3d": 8}
"""Parts of a step, which change no gradient."""

UNUSED = {"sparsity.target_timesteps", "sparsity.budgets", "store_timesteps", "optimisation.accumulate"}
"""What other modes use; and the parts."""

OF_THE_JOB = {
    *("manifest", "name", "runs", "features", "plugin", "seed", "start_from", "resume", "register_as", "gpu"),
    *(
        "checkpoint_every",
        "max_reject_share",
        "optimisation.validate_every",
        "speed.compile",
        "speed.recompute",
    ),
    *(f"workers.{name}" for name in ("count", "threads", "least", "max_failures")),
}
"""Where data are and where runs go, what a run starts from, how often it is looked at, and on what it runs."""


@pytest.mark.parametrize("heavy", ["resnet50_v1", "shufflenet3d", "i3d"])
def test_the_papers_preset_is_the_papers_in_every_field(heavy: str):
    """No field is left over: a new one is the paper's, open, or of the job."""
    fields = flatten(to_dict(parsed("--preset", f"paper:{heavy}")))
    said = PAPER | OPEN | {"networks.heavy.name": heavy}
    assert {name: fields[name] for name in said} == said
    assert set(fields) - set(said) == UNUSED | OF_THE_JOB
    assert fields["optimisation.accumulate"] == PARTS[heavy]


def test_a_step_of_the_papers_is_split_by_what_a_gpu_holds():
    """Of 32 videos x 32 timesteps, all open: fewer than 40 GB of activations at a time."""
    parts = {name: parts_of_a_step(name) for name in PARTS}
    for name, count in parts.items():
        whole = 32 * 32 * (ACTIVATION_MEGABYTES[name] + ACTIVATION_MEGABYTES["mobilenetv3_small_100"])
        assert whole / count <= 40_000 < whole / (count / 2)
    assert parts_of_a_step("a network of yours") == max(parts.values())
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
