"""What a person gets who asks what a model saw: a page, a figure, and sheets of its concept kernels."""

from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from epitoma.core.errors import ConfigError, RunError
from epitoma.datasets.manifest import Manifest
from epitoma.tracking.address import store_uri
from ray_jobs.parts.explain_report import ExplainConfig
from tests.video.odd_files import with_thumbnail_first


def test_page_figure_and_sheets_are_made_and_kept(trained_run: Path, dataset: Manifest, tmp_path, capsys):
    video = Path(dataset.resolved_paths()[0])
    ExplainConfig(model=trained_run, video=str(video), budget=2, manifest=dataset.path, frames=3).report()
    folder = trained_run / f"explanation_{video.parent.name}_{video.stem}_2"
    written = {"explanation.html", "explanation.png", "kernels.html", "kernels.png"}
    assert written <= {file.name for file in folder.iterdir()}
    assert "2 timesteps kept" in capsys.readouterr().out
    assert (folder / "kernels.html").read_text().count('class="sheet"') == 8
    assert 'class="sheet"' in (folder / "explanation.html").read_text()
    client = MlflowClient(store_uri(trained_run.parent))
    experiment = client.get_experiment_by_name("epitoma").experiment_id
    (run,) = client.search_runs([experiment], filter_string="attributes.run_name = 'trained'")
    kept = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, folder.name)}
    assert written <= kept


def test_which_of_several_videos_in_a_file_was_taken_is_said(
    trained_run: Path, dataset: Manifest, tmp_path, capsys
):
    video = with_thumbnail_first(Path(dataset.resolved_paths()[0]), tmp_path / "two.mkv", width=16)
    (tmp_path / "notes.txt").touch()
    ExplainConfig(model=trained_run, video=str(tmp_path), budget=2, output=tmp_path / "out").report()
    said = capsys.readouterr().out
    assert f"  {video}: " in said
    note = "  1 file holds several videos, of which FFmpeg's best is taken: two.mkv (stream 1)\n"
    assert said.count(note) == 1
    assert "  not taken for videos: 1 .txt\n" in said


def test_what_cannot_be_explained_is_said(trained_run: Path, dataset: Manifest, tmp_path):
    with pytest.raises(RunError, match="no finished run"):
        ExplainConfig(model=tmp_path / "nothing", video="a.mp4").report()
    with pytest.raises(ConfigError, match="is 18 videos: explain takes one"):
        ExplainConfig(model=trained_run, video=str(dataset.path)).report()
    config = ExplainConfig(model=trained_run, video=dataset.resolved_paths()[0])
    with pytest.raises(ConfigError, match="from 1 to the 4 candidates, not 9"):
        replace(config, budget=9).report()
    with pytest.raises(ConfigError, match="frames must be at least 1"):
        replace(config, frames=0)
