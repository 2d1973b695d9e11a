"""Jobs submitted to a real head with `ray job submit`: exit code, logs, stop and resume, and who is kept out."""

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from ray._private.ray_constants import get_runtime_env_default_excludes
from ray._private.runtime_env.packaging import create_package

from epitoma.files.json_files import read_json
from epitoma.training.checkpoint_folder import CheckpointFolder
from tests.ray_head import RayHead, ray_head

GCS = "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo"
CLIENT = "/ray.rpc.RayletDriver/Init"
DEADLINE_SECONDS = 240
SPARE_SHARE = 1.1
"""Of the size of the code: what an archive needs for names, and a space or two that are JSON."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture(scope="module")
def head(store: str) -> Iterator[RayHead]:
    """One head for all; what is set for it reaches the jobs, as in cluster.yaml."""
    set_for_jobs = {"MLFLOW_TRACKING_URI": store, "RAY_JOB_STOP_WAIT_TIME_S": "60"}
    with ray_head(environment=set_for_jobs) as head:
        yield head


@pytest.fixture(scope="module")
def endless(head: RayHead, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """A job without an end, which others run beside; gives its run, and its options but for their end."""
    run = tmp_path_factory.mktemp("runs") / "stopped"
    options = ["--config", tiny_run, "--runs", run.parent, "--name", run.name, "--checkpoint-every", "2"]
    no_end = ["--optimisation.epochs", "100000"]
    head.submit("ray_jobs.train", *options, *no_end, options=["--no-wait", "--submission-id", run.name])
    return run, options


@pytest.fixture(scope="module")
def uploaded(repository_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `--working-dir .` sends to the cluster, unpacked."""
    folder = tmp_path_factory.mktemp("uploaded")
    packed = package(repository_root, folder / "package.zip")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder / "unpacked")
    code_bytes = sum(file.stat().st_size for file in (folder / "unpacked").rglob("*.py"))
    assert packed.stat().st_size < SPARE_SHARE * code_bytes, "there is more in it than code"
    return folder / "unpacked"


@pytest.fixture(scope="module")
def repository_root() -> Path:
    return Path(__file__).parents[2]


def package(folder: Path, file: Path) -> Path:
    excludes = get_runtime_env_default_excludes()
    create_package(str(folder), file, include_gitignore=True, excludes=excludes)
    return file


def status_in_mlflow(store: str, name: str) -> str:
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("epitoma")
    (run,) = [run for run in client.search_runs([experiment.experiment_id]) if run.info.run_name == name]
    return run.info.status


def wait_for(is_there: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_there():
        assert time.monotonic() < deadline, f"{what} does not come"
        time.sleep(0.3)


@pytest.mark.heads
@pytest.mark.long
def test_bad_input_fails_the_job_with_one_line(head, endless):
    done = head.submit("ray_jobs.train", "--manifest", "gone.parquet", "--name", "x", "--runs", "/gone")
    assert done.returncode != 0
    assert "failed" in done.stdout
    complaints = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert "no manifest at gone.parquet" in complaints[0]
    assert "exit code 2" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.heads
@pytest.mark.long
def test_nothing_is_written_into_rays_copy_of_the_working_directory(head, endless):
    done = head.submit("ray_jobs.extract", "--manifest", "/gone.parquet", "--features", "runs/features")
    complaints = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert complaints[0].startswith("error: --features runs/features is a relative path inside a Ray job")
    assert "exit code 2" in done.stdout


@pytest.mark.heads
@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_request_without_the_token_is_refused(head, token):
    refused = {None: 401, "wrong": 403}[token]
    assert head.request("/api/jobs/", token=token) == refused
    assert head.request("/api/jobs/", token=token, data=b'{"entrypoint": "true"}') == refused
    assert head.request("/api/version", token=token) == refused
    assert head.grpc_status(head.address, GCS, token=token) == "UNAUTHENTICATED"
    assert head.grpc_status(head.client_address, CLIENT, token=token) == "UNAUTHENTICATED"


@pytest.mark.long
@pytest.mark.heads
def test_with_the_token_each_door_opens(head):
    assert head.request("/api/jobs/", token=head.token) == 200
    assert head.grpc_status(head.address, GCS, token=head.token) == "OK"
    for address in (head.address, head.client_address):
        code = f"import ray; ray.init({address!r}); print('CPUs', ray.cluster_resources()['CPU'])"
        deadline = time.monotonic() + DEADLINE_SECONDS
        # Ray gives the server of a client half a minute to start, which a busy machine does not always keep.
        while "CPUs 2.0" not in (said := head.python(code).stdout):
            assert time.monotonic() < deadline, said


@pytest.mark.long
@pytest.mark.heads
def test_a_job_with_a_wrong_token_says_so_in_one_line(head, tmp_path):
    command = [sys.executable, "-m", "ray_jobs.prepare", "synthetic", "--output", str(tmp_path / "data")]
    wrong = {**head.environment, "RAY_ADDRESS": head.address, "RAY_AUTH_TOKEN": "wrong"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=wrong, timeout=DEADLINE_SECONDS, check=False
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: the Ray at RAY_ADDRESS {head.address} does not let us in")
    assert "token" in line


@pytest.mark.heads
def test_a_submission_without_a_token_says_so(head):
    nobody = {"HOME": str(head.folder), "RAY_AUTH_MODE": "disabled"}
    done = head.ray("job", "list", "--address", head.dashboard, **nobody)
    assert done.returncode != 0
    assert "Authentication" in done.stdout


@pytest.mark.heads
@pytest.mark.long
def test_a_stopped_job_ends_its_run_and_goes_on_from_its_checkpoint_to_its_end(head, endless, store):
    run, options = endless
    wait_for((run / "history.json").is_file, "the first epoch")
    stopped = head.ray("job", "stop", "--address", head.dashboard, run.name)
    assert stopped.returncode == 0, stopped.stdout
    assert "was stopped" in head.ray("job", "status", "--address", head.dashboard, run.name).stdout
    said = head.ray("job", "logs", "--address", head.dashboard, run.name).stdout
    assert "epitoma train: starting" in said.splitlines()
    assert re.search(r"^  extract features \(4 timesteps\) .* videos/s$", said, re.MULTILINE)
    assert "  stopping: workers keep a checkpoint first" in said.splitlines()
    assert "  the newest checkpoint is epoch_" in said, "its workers ended in time"
    assert said.splitlines()[-1] == "stopped"
    assert "Traceback" not in said
    assert status_in_mlflow(store, run.name) == "KILLED"
    newest = CheckpointFolder(run / "checkpoints").newest()
    assert newest is not None

    epochs = len(read_json(run / "history.json")["epochs"])
    done = head.submit("ray_jobs.train", *options, "--optimisation.epochs", str(epochs + 2), "--resume")
    assert done.returncode == 0, done.stdout
    assert re.search(r"^  train stopped from features .* epoch \d", done.stdout, re.MULTILINE)
    assert "Traceback" not in done.stdout
    assert not (run.parent / "mlflow.db").exists()
    resumed_after = int(re.search(r"resumed after epoch (\d+)", done.stdout)[1])
    assert resumed_after in (epochs - 1, epochs, epochs + 1)
    assert (run / "model" / "model.safetensors").is_file()
    assert status_in_mlflow(store, run.name) == "FINISHED"


def test_what_is_uploaded_is_what_jobs_need(uploaded):
    names = {file.name for file in uploaded.iterdir()}
    assert {"epitoma", "ray_jobs", "tune_spaces"} <= names
    assert names.isdisjoint({".git", ".venv", "runs", "tests", "benchmarks", "docs"})


AT_HOME = (
    *(
        "my_videos/film.mp4",
        "my_videos/bare",
        "my_videos/make.py",
        "data/manifest.parquet",
        "predictions/a.parquet",
    ),
    *(
        "runs/a/model/model.safetensors",
        "film.mp4",
        "key.pem",
        "notes.txt",
        "mlflow.db",
        "my.json",
        "LICENSE",
    ),
    *(
        ".venv/bin/python",
        ".venv/lib/x.py",
        "env/lib/x.py",
        ".git/HEAD",
        ".env",
        "tests/test_x.py",
        "docs/a.md",
    ),
    *("epitoma/film.mp4", "epitoma/video/film.mkv", "epitoma/__pycache__/x.pyc", "tune_spaces/space.json"),
)
SENT = (
    "my_parts.py",
    "epitoma/a.py",
    "epitoma/video/b.py",
    "ray_jobs/c.py",
    "ray_jobs/parts/d.py",
    "tune_spaces/e.py",
)


def test_only_code_is_uploaded(repository_root, tmp_path):
    work = tmp_path / "work"
    for name in (*AT_HOME, *SENT):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("x")
    for name in (".gitignore", ".rayignore"):
        shutil.copyfile(repository_root / name, work / name)
    assert files_in(package(work, tmp_path / "package.zip")) == set(SENT)
    rules, here = (work / ".rayignore").read_text(), "of your own goes here"
    (line,) = [line for line in rules.splitlines() if here in line]
    (work / ".rayignore").write_text(rules.replace(line, "!/my_code\n!/my_code/**"))
    (work / "my_code" / "deep").mkdir(parents=True)
    (work / "my_code" / "deep" / "parts.py").write_text("x")
    (work / "my_code" / "film.mp4").write_text("x")
    assert files_in(package(work, tmp_path / "more.zip")) == {*SENT, "my_code/deep/parts.py"}


def test_all_code_is_uploaded(repository_root, uploaded):
    folders = ("epitoma", "ray_jobs", "tune_spaces")
    code = {
        file.relative_to(repository_root)
        for name in folders
        for file in (repository_root / name).rglob("*.py")
    }
    sent = {file.relative_to(uploaded) for file in uploaded.rglob("*") if file.is_file()}
    assert code <= sent
    assert {file.suffix for file in sent} == {".py"}


def files_in(package: Path) -> set[str]:
    with zipfile.ZipFile(package) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.mark.long
def test_every_job_runs_from_what_is_uploaded(uploaded):
    jobs = [f"ray_jobs.{file.stem}" for file in (uploaded / "ray_jobs").glob("*.py") if is_a_job(file)]
    assert {"ray_jobs.train", "ray_jobs.sweep", "ray_jobs.evaluate"} <= set(jobs)
    code = f"""
import contextlib, io, runpy, sys
for job in {sorted(jobs)}:
    sys.argv = [job, "--help"]
    said, code = io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_module(job, run_name="__main__")
    except SystemExit as stop:
        code = stop.code
    print(job, code, "usage: " in said.getvalue())
import epitoma
print(epitoma.__file__)
"""
    environment = {**os.environ, "PYTHONPATH": ""}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=uploaded, env=environment, capture_output=True, text=True, check=True)
    *told, place = done.stdout.splitlines()
    assert told == [f"{job} 0 True" for job in sorted(jobs)]
    assert Path(place).is_relative_to(uploaded)


def is_a_job(file: Path) -> bool:
    return '__name__ == "__main__"' in file.read_text()
