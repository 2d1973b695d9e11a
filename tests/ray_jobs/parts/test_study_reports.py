"""Every study writes its table and figure, and MLflow has both."""

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from mlflow import MlflowClient

from epitoma.files.json_files import read_json
from epitoma.tracking.address import store_uri
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.options import parse
from ray_jobs.report import ReportConfig
from tests.studies.made_runs import TIMESTEPS, made_choices, point, write_run

STUDIES = ("table2", "figure4", "figure5", "figure6", "figure7", "figure8", "off_the_shelf", "ablation")


@pytest.fixture(scope="module")
def measured(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A selector of two seeds, evaluated at two time scales."""
    folder, folders = tmp_path_factory.mktemp("runs"), []
    shutil.copyfile(empty_store, folder / "mlflow.db")
    for seed in (0, 1):
        config = TrainConfig(
            manifest=folder / "kitchen" / "m.parquet",
            name=f"run_{seed}",
            runs=folder,
            timesteps=TIMESTEPS,
            seed=seed,
        )
        ways = [point(way, k, 0.1 * k**0.5) for way in ("selector", "uniform") for k in (1, 2, 4, 8, 16)]
        fewer = [replace(each, candidates=8) for each in ways if each.budget <= 8]
        choices = made_choices(torch.rand(12, TIMESTEPS, generator=torch.Generator().manual_seed(seed)))
        ways.append(point("gate", 5, 0.3))
        points = {"test": ways, "test_among_8": fewer, "test_selector_of_other": ways}
        folders.append(write_run(config, points, choices=choices))
    return folders


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_leaves_table_and_figure_and_mlflow_has_them(study: str, measured: list[Path], capsys):
    parse(ReportConfig, [study, "--runs", *map(str, measured)], about="").report()
    folder = measured[0].parent / f"study_{study}"
    table = (folder / "table.md").read_text()
    assert table in capsys.readouterr().out
    rows = pq.read_table(folder / "table.parquet").to_pylist()
    assert rows == read_json(folder / "rows.json")["rows"]
    assert {row["seeds"] for row in rows} == {2}
    assert {row["dataset"] for row in rows} == {"kitchen"}
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "figure.svg").read_text()
    client = MlflowClient(store_uri(measured[0].parent))
    experiment = client.get_experiment_by_name("epitoma")
    [run] = [
        run for run in client.search_runs([experiment.experiment_id]) if run.info.run_name == folder.name
    ]
    kept = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, study)}
    assert {"table.md", "table.parquet", "figure.png", "figure.svg"} <= kept
    assert run.info.status == "FINISHED"
