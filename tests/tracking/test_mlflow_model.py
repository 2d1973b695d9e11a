"""A trained model in MLflow's hands: loaded, registered and served over HTTP, it answers as it does in ours."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient

import epitoma
from epitoma.core.errors import ConfigError
from epitoma.datasets.manifest import Manifest
from epitoma.models.videoepitoma import build_model
from epitoma.tracking.address import store_uri
from epitoma.tracking.lifecycle import tracked_run
from epitoma.tracking.mlflow_model import save_mlflow_model
from epitoma.training.checkpoint import state_of
from tests.conftest import tiny_model
from tests.mlflow_server import free_port

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def model(dataset: Manifest, empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of a run, as training keeps it."""
    runs = tmp_path_factory.mktemp("runs")
    shutil.copyfile(empty_store, runs / "mlflow.db")
    torch.manual_seed(0)
    config = replace(tiny_model(), classes=dataset.classes)
    state = state_of(build_model(config).eval())
    save_mlflow_model(runs / "run" / "model", config=config, state=state)
    return runs / "run" / "model"


def test_it_answers_as_it_does_in_python(model: Path, dataset: Manifest):
    paths = dataset.resolved_paths()[:2]
    answers = mlflow.pyfunc.load_model(str(model)).predict(
        pd.DataFrame({"path": paths}), params={"budget": 3}
    )
    ours = epitoma.load(model, device="cpu")
    for path, answer in zip(paths, answers, strict=True):
        said = ours.predict(path, budget=3)
        assert answer["error"] is None
        assert answer["labels"] == list(said.scores)
        assert answer["scores"] == pytest.approx(list(said.scores.values()))
        assert answer["seconds"] == list(said.seconds)
        assert len(answer["timesteps"]) == 3


def test_a_path_that_is_no_video_costs_no_other_its_answer(model: Path, dataset: Manifest, tmp_path: Path):
    served = mlflow.pyfunc.load_model(str(model))
    paths = [dataset.path, tmp_path, "a" * 5000, dataset.resolved_paths()[0]]
    answers = served.predict(pd.DataFrame({"path": list(map(str, paths))}))
    errors = [answer["error"] for answer in answers]
    assert errors[0] == f"{dataset.path}: is a table, not a video"
    assert errors[1] == f"{tmp_path}: no such file"
    assert "name too long" in errors[2]
    assert errors[3] is None
    with pytest.raises(ConfigError, match="top must be at least 1, not -1"):
        served.predict(pd.DataFrame({"path": ["a.mp4"]}), params={"top": -1})


def test_it_holds_no_pickle(model: Path):
    suffixes = {file.suffix for file in model.rglob("*") if file.is_file()}
    assert suffixes <= {"", ".safetensors", ".json", ".yaml", ".txt", ".py"}
    assert (model / "MLmodel").is_file()
    assert "cloudpickle" not in (model / "MLmodel").read_text()


def test_it_is_registered_when_asked(model: Path, dataset: Manifest, monkeypatch):
    run = model.parent
    for _ in range(2):
        with tracked_run(run, params={}) as tracker:
            tracker.artifact(model, folder="model")
            tracker.register("kitchen", folder="model")
    client = MlflowClient(store_uri(run.parent))
    versions = client.search_model_versions("name='kitchen'")
    assert sorted(int(each.version) for each in versions) == [1, 2]
    assert {each.run_id for each in versions} == {tracker.run_id}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri(run.parent))
    loaded = mlflow.pyfunc.load_model("models:/kitchen/2")
    (answer,) = loaded.predict(pd.DataFrame({"path": dataset.resolved_paths()[:1]}))
    assert answer["error"] is None


@pytest.fixture
def served(model: Path) -> Iterator[str]:
    """Address of the model, served by MLflow's own command."""
    port = free_port()
    program = Path(sys.executable).with_name("mlflow")
    command = [program, "models", "serve", "-m", model, "--env-manager", "local", "-h", "127.0.0.1"]
    log = (model.parent / "serve.log").open("w")
    # The interpreter's own folder first, because MLflow looks for the server's program on the path.
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        [*map(str, command), "-p", str(port)],
        stdout=log,
        stderr=log,
        env=environment,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)
        log.close()


def _wait_for(address: str, process: subprocess.Popen) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/ping", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, "the server has ended"
            time.sleep(0.5)
    raise AssertionError("the server does not answer")


def ask(address: str, question: dict) -> tuple[int, dict]:
    request = urllib.request.Request(
        f"{address}/invocations",
        data=json.dumps(question).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.long
def test_it_is_served_over_http(served: str, model: Path, dataset: Manifest, tmp_path: Path):
    good, corrupt = dataset.resolved_paths()[0], tmp_path / "corrupt.mp4"
    corrupt.write_bytes(b"no video")
    paths = [good, str(corrupt), "/no/such/file.mp4"]
    status, answer = ask(
        served, {"dataframe_records": [{"path": path} for path in paths], "params": {"budget": 2}}
    )
    assert status == 200
    first, second, third = answer["predictions"]
    said = epitoma.load(model, device="cpu").predict(good, budget=2)
    assert first["labels"] == list(said.scores)
    assert first["scores"] == pytest.approx(list(said.scores.values()), abs=1e-6)
    assert first["seconds"] == list(said.seconds)
    assert first["error"] is None
    assert (second["labels"], third["labels"]) == ([], [])
    assert str(corrupt) in second["error"]
    assert third["error"] == "/no/such/file.mp4: no such file"
    status, answer = ask(served, {"dataframe_records": [{"path": good}], "params": {"budget": 99}})
    assert (status, "from 1 to the 8 candidates, not 99" in str(answer)) == (400, True)
    status, answer = ask(served, {"dataframe_records": [{"file": good}]})
    assert status == 400
