"""A real job that fails, with secrets all around it: none is printed, kept in the run's folder, or told to MLflow."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from epitoma.datasets.manifest import Manifest, write_manifest
from epitoma.datasets.schema import VideoRow
from epitoma.files.allowed_roots import Roots, write_roots
from epitoma.files.json_files import read_json
from ray_jobs.train import main
from tests.door import Door

SECRET = "hush0123456789"
ADDRESS = f"http://127.0.0.1:1/clip.mp4?X-Amz-Signature={SECRET}"
HIDDEN = "http://127.0.0.1:1/clip.mp4?X-Amz-Signature=..."


@pytest.fixture
def unreachable(dataset: Manifest, tmp_path: Path) -> Path:
    """A dataset whose videos lie behind signed addresses that do not answer."""
    rows = [
        VideoRow(**{**row, "labels": tuple(row["labels"]), "intervals": None})
        for split in ("train", "validation")
        for row in dataset.split(split).table.slice(0, 2).to_pylist()
    ]
    signed = [replace(row, path=f"{ADDRESS}&number={number}") for number, row in enumerate(rows)]
    path = tmp_path / "set" / "manifest.parquet"
    write_manifest(path, signed, classes=dataset.classes, multi_label=False)
    write_roots(path.parent, Roots(("http://127.0.0.1:1/",)))
    return path


def config_file(tmp_path: Path, values: dict[str, object]) -> str:
    file = tmp_path / f"{values['name']}.json"
    file.write_text(json.dumps(values))
    return str(file)


def train(config: str, store: str) -> subprocess.CompletedProcess[str]:
    """A job in a process of its own."""
    secrets = {
        "MLFLOW_TRACKING_URI": store,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ACCESS_KEY_ID": SECRET,
        "AWS_EC2_METADATA_DISABLED": "true",
        "RAY_AUTH_TOKEN": SECRET * 4,
    }
    return subprocess.run(
        [sys.executable, "-m", "ray_jobs.train", "--config", config],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **secrets},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def holding(secret: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


@pytest.mark.jobs
@pytest.mark.long
def test_a_job_that_fails_keeps_its_secrets(
    mlflow_server, unreachable, tiny_run, tmp_path, monkeypatch, capsys
):
    runs = tmp_path / "runs"
    config = {**read_json(tiny_run), "manifest": str(unreachable), "runs": str(runs), "name": "reticent"}
    door = Door(mlflow_server.port)
    store = door.uri.replace("http://", f"http://me:{SECRET}@")
    done = train(config_file(tmp_path, config), store)
    assert done.returncode == 2, done.stderr
    (rejects,) = runs.glob("features/*/rejects.parquet")
    assert {row["path"].split("&")[0] for row in pq.read_table(rejects).to_pylist()} == {HIDDEN}
    door.shut()
    for name, value in {"MLFLOW_TRACKING_URI": store, "AWS_SECRET_ACCESS_KEY": SECRET}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["train", "--config", config_file(tmp_path, {**config, "name": "two"})])
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as stop:
            main()
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert stop.value.code == 2
    refused = capsys.readouterr()
    assert "MLflow at http://...@127.0.0.1" in refused.err
    for text in (done.stdout, done.stderr, refused.out, refused.err):
        assert SECRET not in text
    assert holding(SECRET, runs) == []
    assert holding(SECRET, mlflow_server.folder) == []
    assert (runs / "reticent" / "mlflow.jsonl").is_file()
    assert holding("reticent", mlflow_server.folder) != [], "MLflow was told"
