"""A real job that fails, with secrets all around it: none is printed, kept in the run's folder, or told to MLflow."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from epitoma.datasets.manifest import Manifest, write_manifest
from epitoma.datasets.schema import VideoRow
from epitoma.roots import Roots, write_roots
from epitoma.training.checkpoint import read_json
from tests.mlflow_server import MlflowServer

SECRET = "hush0123456789"
ADDRESS = f"http://127.0.0.1:1/clip.mp4?X-Amz-Signature={SECRET}"
HIDDEN = "http://127.0.0.1:1/clip.mp4?X-Amz-Signature=..."


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    (tmp_path / "server").mkdir()
    server = MlflowServer(tmp_path / "server")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def unreachable(dataset: Manifest, tmp_path: Path) -> Path:
    """A dataset whose videos lie behind signed addresses that do not answer."""
    rows = [
        VideoRow(**{**row, "labels": tuple(row["labels"]), "intervals": None})
        for row in dataset.table.to_pylist()
    ]
    signed = [replace(row, path=f"{ADDRESS}&number={number}") for number, row in enumerate(rows)]
    path = tmp_path / "set" / "manifest.parquet"
    write_manifest(path, signed, classes=dataset.classes, multi_label=False)
    write_roots(path.parent, Roots(("http://127.0.0.1:1/",)))
    return path


def train(tmp_path: Path, config: dict[str, object], store: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "run.json").write_text(json.dumps(config))
    secrets = {
        "MLFLOW_TRACKING_URI": store,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ACCESS_KEY_ID": SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
        "RAY_AUTH_TOKEN": SECRET * 4,
    }
    return subprocess.run(
        [sys.executable, "-m", "ray_jobs.train", "--config", str(tmp_path / "run.json")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **secrets},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def holding(secret: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_a_job_that_fails_keeps_its_secrets(server, unreachable, tiny_run, tmp_path):
    runs = tmp_path / "runs"
    config = {**read_json(tiny_run), "manifest": str(unreachable), "runs": str(runs), "name": "one"}
    store = server.uri.replace("http://", f"http://me:{SECRET}@")
    done = train(tmp_path, config, store)
    assert done.returncode == 2, done.stderr
    (rejects,) = runs.glob("features/*/rejects.parquet")
    assert {row["path"].split("&")[0] for row in pq.read_table(rejects).to_pylist()} == {HIDDEN}
    server.stop()
    refused = train(tmp_path, {**config, "name": "two"}, store)
    assert refused.returncode == 2
    assert "error: MLflow at http://...@127.0.0.1" in refused.stderr
    for text in (done.stdout, done.stderr, refused.stdout, refused.stderr):
        assert SECRET not in text
    assert holding(SECRET, runs) == []
    assert holding(SECRET, server.folder) == []
    assert (runs / "one" / "mlflow.jsonl").is_file()
    assert holding("one", server.folder) != [], "MLflow was told"
