"""Predicting is evaluating without labels, and a job that was cut off goes on where it stopped."""

import math
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from epitoma.core.errors import ClusterError, ConfigError, ManifestError, RunError
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import Reject
from epitoma.evaluation.tradeoff import TradeoffPoint, find
from epitoma.inference.predictions import Predictions, read_predictions
from epitoma.inference.predictor import Predictor
from epitoma.models.videoepitoma import build_model
from epitoma.on_ray.predict.inference import PredictResults
from epitoma.training.checkpoint import load_model, save_model, state_of
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.predict import PredictConfig, predict, write_results
from tests.conftest import tiny_model
from tests.video.odd_files import with_thumbnail_first


@pytest.fixture(scope="module")
def run(dataset: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model, saved as a run's is."""
    torch.manual_seed(0)
    config = replace(tiny_model(), classes=dataset.classes)
    folder = tmp_path_factory.mktemp("run")
    save_model(folder / "model", config=config, state=state_of(build_model(config).eval()))
    return folder


@pytest.fixture(scope="module")
def answering(run: Path, dataset: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with results that are not the same for all videos: an untrained model has one favourite."""
    model, config = load_model(run / "model")
    predictor = Predictor(model, config, device=torch.device("cpu"))
    said = [predictor.predict(path).scores for path in dataset.resolved_paths()]
    logs = [[math.log(scores[name]) for name in config.classes] for scores in said]
    with torch.no_grad():
        model.classifier.mlp[-1].bias -= torch.tensor(logs).mean(dim=0)
    folder = tmp_path_factory.mktemp("answering")
    save_model(folder / "model", config=config, state=state_of(model))
    return folder


@pytest.fixture
def videos(dataset: Manifest, tmp_path: Path) -> Path:
    """Three videos in a folder."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for path in dataset.resolved_paths()[:3]:
        shutil.copyfile(path, folder / Path(path).name)
    return folder


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """As many as the actors have: sums are rounded in another order with more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def points(ray_cluster, answering, dataset) -> list[TradeoffPoint]:
    """The model evaluated from a feature store."""
    return evaluate(EvaluateConfig(run=answering, manifest=dataset.path, split="train", quiet=True))


@pytest.mark.long
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.parametrize(("budget", "top"), [(None, 5), (4, 1)])
def test_what_is_predicted_is_what_is_evaluated_and_what_each_video_gets_alone(
    points, answering, dataset, tmp_path, budget, top
):
    """The same model on the same videos, once from a feature store and twice from files."""
    config = PredictConfig(model=answering, input=str(dataset.path), output=tmp_path, budget=budget, top=top)
    rows = predict(config).to_pylist()
    assert [row["video_id"] for row in rows] == dataset.video_ids

    manifest = dataset.split("train")
    labels = dict(zip(manifest.video_ids, manifest.table["labels"].to_pylist(), strict=True))
    told = [row for row in rows if row["video_id"] in labels]
    right = [row["labels"][0] == labels[row["video_id"]][0] for row in told]
    point = find(points, "gate") if budget is None else find(points, "selector", budget=budget)
    assert len({row["labels"][0] for row in told}) > 1
    assert sum(right) / len(right) == pytest.approx(point.score)
    assert sum(row["kept"] for row in told) / len(told) == pytest.approx(point.timesteps)

    alone = Predictor(*load_model(answering / "model"), device=torch.device("cpu"))
    for row, path in zip(rows, dataset.resolved_paths(), strict=True):
        said = alone.predict(path, budget=budget)
        assert sum(said.scores.values()) == pytest.approx(1)
        assert row["labels"] == list(said.scores)[:top]
        assert row["scores"] == pytest.approx(list(said.scores.values())[:top], abs=1e-6)
        assert tuple(row["timesteps"]) == said.timesteps
        assert (row["seconds"], row["alpha"]) == (list(said.seconds), pytest.approx(said.alpha, abs=1e-6))
        assert (row["kept"], row["candidates"]) == (len(said.timesteps), 8)
        assert row["gmacs"] == said.gmacs
        assert min(row["decoding_ms"], row["light_ms"], row["heavy_ms"]) > 0


@pytest.mark.long
def test_a_job_that_is_run_again_does_what_is_new_and_other_questions_need_another_output(
    ray_cluster, run, videos, tmp_path, capsys
):
    config = PredictConfig(
        model=run, input=str(videos / "*.mp4"), output=tmp_path / "out", budget=2, top=2, min_score=0.5
    )
    first = predict(config)
    assert [len(labels) for labels in first["labels"].to_pylist()] == [1] * 3, "of two, one has half or more"
    one, other, third = sorted(videos.iterdir())
    shutil.copyfile(one, other)
    shutil.copyfile(one, videos / "zz_new.mp4")
    (videos / "broken.mp4").write_bytes(b"no video")
    (videos / "link.mp4").symlink_to("nowhere")
    os.mkfifo(videos / "pipe.mp4")
    third.unlink()
    capsys.readouterr()
    second = predict(config)
    said = capsys.readouterr().out
    assert "1 of 6 videos are done already" in said
    assert "rejected" in said
    assert second["video_id"].to_pylist() == [one.name, other.name, "zz_new.mp4"]
    assert second.slice(0, 1).equals(first.slice(0, 1))
    assert second["labels"].to_pylist()[1:] == [second["labels"][0].as_py()] * 2
    rejects = {
        row["video_id"]: row["reason"] for row in pq.read_table(config.output / "rejects.parquet").to_pylist()
    }
    assert set(rejects) == {"broken.mp4", "link.mp4", "pipe.mp4"}
    assert (rejects["link.mp4"], rejects["pipe.mp4"]) == ("no such file", "is not a file")
    assert read_predictions(config.output).equals(second)
    assert not list((config.output / "parts").iterdir())

    with pytest.raises(RunError, match="holds predictions of budget 2: choose another --output"):
        predict(replace(config, budget=3))
    (config.output / "settings.json").write_text("{")
    with pytest.raises(RunError, match=r"settings\.json is not JSON"):
        predict(config)
    (config.output / "settings.json").write_text("[]")
    with pytest.raises(RunError, match=r"settings\.json holds no values by name"):
        predict(config)


def test_which_of_several_videos_in_a_file_was_taken_is_said_once(ray_cluster, run, videos, tmp_path, capsys):
    film, *others = sorted(videos.iterdir())
    for name in ("two.mkv", "more.mkv"):
        with_thumbnail_first(film, videos / name, width=16)
    for other in others:
        other.unlink()
    config = PredictConfig(model=run, input=str(videos), output=tmp_path / "out", budget=2)
    assert len(predict(config)) == 3
    note = "  2 files hold several videos, of which FFmpeg's best is taken: more.mkv (stream 1), two.mkv (stream 1)\n"
    assert capsys.readouterr().out.count(note) == 1


def test_answers_are_kept_when_the_job_is_stopped(tmp_path):
    row = {
        **dict.fromkeys(("video_id", "path", "key"), "a"),
        **{name: [] for name in ("labels", "scores", "timesteps", "seconds", "alpha")},
        **dict.fromkeys(("kept", "candidates", "replaced_frames"), 1),
        **dict.fromkeys(("gmacs", "decoding_ms", "light_ms", "heavy_ms"), 1.0),
    }

    def answers():
        yield PredictResults(rows=[row], rejects=[])
        yield PredictResults(rows=[{**row, "video_id": "b"}], rejects=[Reject("c", "c.mp4", "no video")])
        raise KeyboardInterrupt

    told = []
    with pytest.raises(KeyboardInterrupt):
        write_results(answers(), Predictions(tmp_path), {"a": "key of a", "b": "key of b"}, watch=told.append)
    assert Predictions(tmp_path).keys() == {"key of a", "key of b"}
    assert told == [1, 3]
    assert pq.read_table(tmp_path / "rejects.parquet")["video_id"].to_pylist() == ["c"]
    assert Predictions(tmp_path).finish(["key of b"])["video_id"].to_pylist() == ["b"]


def test_bad_input_is_refused_before_anything_is_read(ray_cluster, run, videos, tmp_path):
    config = PredictConfig(model=run, input=str(videos), output=tmp_path / "out")
    with pytest.raises(RunError, match="no finished run at"):
        predict(replace(config, model=tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="from 1 to the 8 candidates, not 9"):
        predict(replace(config, budget=9))
    with pytest.raises(ConfigError, match="min_score must be from 0 to 1, not 2"):
        replace(config, min_score=2.0)
    with pytest.raises(ConfigError, match="top must be at least 1, not 0"):
        replace(config, top=0)
    with pytest.raises(ManifestError, match="no videos at"):
        predict(replace(config, input=str(tmp_path / "vidoes")))
    assert not (tmp_path / "out").exists()
    with pytest.raises(ClusterError, match="gpu is true, but Ray sees no GPU on this machine"):
        predict(replace(config, gpu="true"))


@pytest.mark.slow
def test_a_folder_in_which_nothing_can_be_read_is_an_error(ray_cluster, run, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mp4").write_bytes(b"no video")
    config = PredictConfig(model=run, input=str(tmp_path / "bad"), output=tmp_path / "out")
    with pytest.raises(ManifestError, match="none of 1 videos"):
        predict(config)
    assert len(pq.read_table(config.output / "rejects.parquet")) == 1
