"""The parts of docs/extending.md, as they stand there: trained, also under Ray Train, and predicted with."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from epitoma.core.config import from_dict, to_dict
from epitoma.core.errors import RunError
from epitoma.core.registry import import_plugins, registered
from epitoma.files.json_files import read_json, write_json
from epitoma.inference.predictor import load_predictor
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig, build_model
from epitoma.presets import preset
from epitoma.tracking.mlflow_model import save_mlflow_model
from epitoma.training.checkpoint import state_of
from epitoma.training.context import LocalContext
from epitoma.training.run_config import TrainConfig
from ray_jobs.extract import ExtractConfig
from ray_jobs.parts.cost_reports import CostConfig
from ray_jobs.parts.options import parse
from tests.training.synthetic_features import make_loop, make_split

OPTIONS = ["--selector", "motion", "--loss", "smoothed"]


def test_each_part_is_about_thirty_lines(repository):
    page = (repository / "docs" / "extending.md").read_text()
    blocks = re.findall(r"```python\n# my_parts\.py\n(.*?)```", page, re.DOTALL)
    lengths = [block.strip().count("\n") + 1 for block in blocks]
    assert len(lengths) == 3
    assert max(lengths) <= 40


def test_they_are_named_on_the_command_line_with_options_of_their_own(plugin):
    words = [
        "--plugin",
        plugin,
        *OPTIONS,
        "--head.selector.hidden-channels",
        "16",
        "--manifest",
        "m.parquet",
        "--name",
        "mine",
    ]
    config = parse(TrainConfig, words, about="", preset=preset)
    assert (config.plugin, config.loss, config.head.selector.part) == ((plugin,), "smoothed", "motion")
    assert config.head.selector == registered("selector", "motion").Config(hidden_channels=16)
    assert from_dict(TrainConfig, to_dict(config), source="here") == config


def test_a_selector_of_ones_own_learns_with_a_loss_of_ones_own(plugin, tmp_path):
    words = ["--plugin", plugin, *OPTIONS, "--timesteps", "32", "--manifest", "m.parquet", "--name", "mine"]
    steps = ["--optimisation.epochs", "8"]
    config = parse(TrainConfig, [*words, *steps], about="", preset=preset)
    context = LocalContext(tmp_path)
    loop = make_loop(config, make_split(160, seed=1), make_split(60, seed=2), context)
    loop.run()
    losses = [row["train/loss"] for row in loop.progress.history]
    assert losses[-1] < losses[0] / 1.3
    assert loop.progress.best.score > 0.3  # Chance is 0.1.


def test_a_model_of_such_parts_comes_back_and_predicts(plugin, dataset, tmp_path):
    import_plugins([plugin])
    networks = NetworksConfig(
        light=LightNet.Config(name="tiny", weights="random"),
        heavy=HeavyNet.Config(name="patches", weights="random"),
    )
    config = ModelConfig(
        networks=networks,
        head=HeadConfig(selector=registered("selector", "motion").Config()),
        classes=dataset.classes,
        multi_label=False,
        timesteps=4,
        plugin=(plugin,),
    )
    save_mlflow_model(tmp_path / "model", config=config, state=state_of(build_model(config)))
    kept = tmp_path / "model" / "code" / f"{plugin}.py"
    assert kept.read_text() == Path(sys.modules[plugin].__file__).read_text()
    predictor = load_predictor(tmp_path / "model")
    assert type(predictor.model.selector).__name__ == "MotionSelector"
    prediction = predictor.predict(dataset.resolved_paths()[0], budget=2)
    assert len(prediction.timesteps) == 2
    assert prediction.label in dataset.classes
    written = read_json(tmp_path / "model" / "config.json")
    write_json(tmp_path / "model" / "config.json", {**written, "plugin": ["not_there"]})
    with pytest.raises(RunError, match=r"needs its plugin: .*not_there.*its source is kept in .*code"):
        load_predictor(tmp_path / "model")


def test_costs_and_features_are_those_of_ones_own_network_too(ray_cluster, plugin, dataset, tmp_path):
    words = ["--plugin", plugin, "--networks.heavy.name", "patches", "--networks.light.name", "tiny"]
    costs = parse(
        CostConfig,
        [
            *words,
            "--timesteps",
            "4",
            "--kept",
            "2",
            "--video",
            dataset.resolved_paths()[0],
            "--made",
            str(tmp_path),
            "--json",
            str(tmp_path / "cost.json"),
        ],
        about="",
    )
    costs.report()
    (row,) = json.loads((tmp_path / "cost.json").read_text())
    # Two timesteps of 16 patches, each 768 values (16 x 16 x 3) to 64 channels.
    assert row["heavy"] == pytest.approx(2 * 16 * 768 * 64 / 1e9)
    extraction = parse(ExtractConfig, [*words, "--manifest", "m.parquet"], about="")
    assert (extraction.plugin, extraction.networks.heavy.name) == ((plugin,), "patches")


@pytest.mark.jobs
@pytest.mark.slow
def test_jobs_take_them_and_models_keep_them(plugin, dataset, tmp_path):
    """Whole: trained from pixels under Ray Train, in processes of their own, and predicted with."""

    def job(module: str, *words: str) -> None:
        command = [sys.executable, "-m", module, *words]
        done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr + done.stdout

    networks = ["--networks.heavy.name", "patches", "--networks.heavy.weights", "random"]
    light = ["--networks.light.name", "tiny", "--networks.light.weights", "random"]
    few = ["--timesteps", "4", "--sparsity.target-timesteps", "2", "--optimisation.epochs", "1"]
    few += ["--optimisation.batch-size", "5", "--source", "pixels"]
    where = ["--manifest", str(dataset.path), "--name", "mine", "--runs", str(tmp_path / "runs")]
    job("ray_jobs.train", "--plugin", plugin, *OPTIONS, *networks, *light, *few, *where)
    run = tmp_path / "runs" / "mine"
    assert read_json(run / "model" / "config.json")["plugin"] == [plugin]
    job(
        "ray_jobs.extract",
        "--plugin",
        plugin,
        *networks,
        *light,
        "--manifest",
        str(dataset.path),
        "--timesteps",
        "4",
    )
    videos = Path(dataset.resolved_paths()[0]).parent
    output = tmp_path / "predictions"
    job("ray_jobs.predict", "--model", str(run), "--input", str(videos), "--output", str(output))
    assert any(output.rglob("*.parquet"))
