"""What a person gets who asks what a model saw: a page, a figure, and sheets of its concept kernels."""

from dataclasses import replace
from pathlib import Path

import pytest

from epitoma.datasets.manifest import Manifest
from epitoma.errors import ConfigError, RunError
from epitoma.models.videoepitoma import ModelConfig, build_model
from epitoma.training.checkpoint import save_model, state_of
from ray_jobs.explain_report import ExplainConfig


@pytest.fixture
def run(tmp_path: Path, model_config: ModelConfig) -> Path:
    save_model(
        tmp_path / "runs" / "run" / "model", config=model_config, state=state_of(build_model(model_config))
    )
    return tmp_path / "runs" / "run"


def test_page_figure_and_sheets_are_made_and_kept(ray_cluster, run, dataset: Manifest, tmp_path, capsys):
    video = Path(dataset.resolved_paths()[0])
    ExplainConfig(model=run, video=str(video), budget=2, manifest=dataset.path, frames=3).report()
    folder = run / f"explanation_{video.parent.name}_{video.stem}_2"
    written = {"explanation.html", "explanation.png", "kernels.html", "kernels.png"}
    assert written <= {file.name for file in folder.iterdir()}
    assert "2 timesteps kept" in capsys.readouterr().out
    assert (folder / "kernels.html").read_text().count('class="sheet"') == 8
    assert 'class="sheet"' in (folder / "explanation.html").read_text()
    assert (run.parent / "mlflow.db").is_file()


def test_what_cannot_be_explained_is_said(run, dataset: Manifest, tmp_path):
    with pytest.raises(RunError, match="no finished run"):
        ExplainConfig(model=tmp_path / "nothing", video="a.mp4").report()
    with pytest.raises(ConfigError, match="is 18 videos: explain takes one"):
        ExplainConfig(model=run, video=str(dataset.path)).report()
    config = ExplainConfig(model=run, video=dataset.resolved_paths()[0])
    with pytest.raises(ConfigError, match="from 1 to the 8 candidates, not 9"):
        replace(config, budget=9).report()
    with pytest.raises(ConfigError, match="frames must be at least 1"):
        replace(config, frames=0)
