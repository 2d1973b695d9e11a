"""Two jobs on one folder: the second ends in one line that says who is first, and changes nothing."""

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from epitoma.core.config import CONFIG_FILE, from_dict
from epitoma.core.errors import BusyError, EpitomaError, RunError
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.files.claims import claimed
from epitoma.files.json_files import read_json
from epitoma.models.videoepitoma import build_model
from epitoma.training.checkpoint import save_model, state_of
from epitoma.training.run_config import TrainConfig
from ray_jobs.finetune import FinetuneConfig
from ray_jobs.parts.prepare_composites import PrepareComposites
from ray_jobs.parts.runs import claimed_run
from ray_jobs.predict import PredictConfig, predict
from ray_jobs.prepare import PrepareFolder, PrepareSynthetic, prepare
from ray_jobs.sweep import SweepConfig, sweep
from ray_jobs.train import train
from tests.conftest import tiny_model


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Path]:
    """A folder on which another job works."""
    with claimed(tmp_path / "runs" / "taken", by="train taken"):
        yield tmp_path / "runs" / "taken"


@pytest.fixture
def clips(dataset: Manifest, tmp_path: Path) -> Path:
    """Videos of two classes, linked from where they are."""
    for video_id, path, labels in zip(
        dataset.video_ids, dataset.resolved_paths(), dataset.table["labels"].to_pylist(), strict=True
    ):
        place = tmp_path / "clips" / labels[0] / f"{Path(video_id).name}.mp4"
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, place)
    return tmp_path / "clips"


def is_refused(job: Callable[[], object], folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(BusyError, match=f"^{folder} is in use by train taken, process {os.getpid()} on "):
        job()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_training_run(taken, tiny_run):
    config = from_dict(
        TrainConfig, {**read_json(tiny_run), "name": taken.name, "runs": str(taken.parent)}, source=""
    )
    is_refused(lambda: train(config), taken)


def test_a_sweep(taken, tiny_run, dataset):
    config = SweepConfig(manifest=dataset.path, name=taken.name, runs=taken.parent, like=tiny_run)
    is_refused(lambda: sweep(config), taken)


def test_predictions(taken, dataset, tmp_path):
    config = tiny_model()
    model = build_model(config).eval()
    save_model(tmp_path / "run" / "model", config=config, state=state_of(model))
    is_refused(
        lambda: predict(PredictConfig(model=tmp_path / "run", input=str(dataset.path), output=taken)), taken
    )


def test_datasets(taken, clips):
    filler = min(path.name for path in clips.iterdir())
    is_refused(lambda: prepare(PrepareFolder(root=clips, output=taken)), taken)
    is_refused(
        lambda: prepare(PrepareComposites(clips=clips, output=taken, filler=(filler,), filler_is_class=True)),
        taken,
    )
    is_refused(
        lambda: prepare(PrepareSynthetic(output=taken, dataset=SyntheticConfig(train_videos=1))), taken
    )


@dataclass(kw_only=True)
class ExampleConfig:
    folder: Path
    name: str = "first"
    resume: bool = False


def test_a_claimed_run_says_which_job_holds_it(tmp_path):
    config = ExampleConfig(folder=tmp_path / "first")
    with claimed_run(config), pytest.raises(BusyError) as told:
        enter(config)
    assert f"in use by example first, process {os.getpid()} on {socket.gethostname()}, since " in str(
        told.value
    )
    assert FinetuneConfig.__name__ == "FinetuneConfig", "so a fine-tuning is `finetune NAME`"


def test_a_run_is_begun_once_and_only_what_was_begun_is_resumed(tmp_path):
    with pytest.raises(RunError, match=r"no run at .*first to resume"):
        enter(ExampleConfig(folder=tmp_path / "first", resume=True))
    assert not (tmp_path / "first").exists()
    enter(ExampleConfig(folder=tmp_path / "first"))
    (tmp_path / "first" / CONFIG_FILE).write_text("{}")
    enter(ExampleConfig(folder=tmp_path / "first", resume=True))
    with pytest.raises(
        EpitomaError, match="exists already: choose another --name, or go on with it with --resume"
    ):
        enter(ExampleConfig(folder=tmp_path / "first"))


def enter(config: ExampleConfig) -> None:
    with claimed_run(config):
        assert config.folder.is_dir()
