"""Every bad input ends with one clear line on standard error and exit code 2, never with a traceback."""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from epitoma.core.config import to_dict
from epitoma.core.errors import RunError
from epitoma.datasets.manifest import write_manifest
from epitoma.datasets.schema import VideoRow
from epitoma.files.json_files import write_json
from epitoma.files.ownership import check_ownership
from epitoma.training.run_config import TrainConfig
from ray_jobs.evaluate import EvaluateConfig, evaluate
from ray_jobs.extract import ExtractConfig, extract
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.demo_configs import demo_selector
from ray_jobs.predict import PredictConfig, predict
from ray_jobs.prepare import PrepareConfig, prepare
from ray_jobs.report import ReportConfig, report
from ray_jobs.sweep import SweepConfig, sweep
from ray_jobs.train import train

JOBS = {
    "train": (TrainConfig, train),
    "extract": (ExtractConfig, extract),
    "evaluate": (EvaluateConfig, evaluate),
    "predict": (PredictConfig, predict),
    "prepare": (PrepareConfig, prepare),
    "sweep": (SweepConfig, sweep),
    "report": (ReportConfig, report),
}


def job(name: str, *arguments: str | Path, cwd: Path) -> tuple[int, str]:
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parents[2]))
    done = subprocess.run(
        [sys.executable, "-m", f"ray_jobs.{name}", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stderr


def one_line_of(complaint: str) -> str:
    assert "Traceback" not in complaint
    lines = complaint.strip().splitlines()
    assert len(lines) == 1, complaint
    return lines[0]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a job in the empty folder as its command does, but in this process, which is faster."""
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)

    def run(name: str, *arguments: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            run_job(*JOBS[name], about=name)
        assert stop.value.code == 2
        return one_line_of(capsys.readouterr().err)

    yield run
    signal.signal(signal.SIGTERM, handler)


def manifest(folder: Path, label: str = "tea") -> Path:
    (folder / "a.mp4").write_bytes(b"x")
    row = VideoRow(
        video_id="a",
        path="a.mp4",
        split="train",
        labels=(label,),
        duration_seconds=1.0,
        fps=8.0,
        frame_count=8,
        intervals=None,
    )
    path = folder / "manifest.parquet"
    write_manifest(path, [row], classes=["tea"], multi_label=False)
    return path


def test_no_manifest(refused):
    line = refused("train", "--manifest", "gone.parquet", "--name", "x")
    assert "no manifest at gone.parquet" in line
    assert "ray_jobs.prepare" in line


def test_a_command_says_it_on_standard_error_and_exits_with_2(tmp_path):
    code, complaint = job("evaluate", "--run", "runs/x", "--manifest", "m", cwd=tmp_path)
    assert code == 2
    assert "no finished run at runs/x" in one_line_of(complaint)


def test_an_empty_folder(refused, tmp_path):
    (tmp_path / "videos").mkdir()
    line = refused("prepare", "folder", "--root", "videos", "--output", "out")
    assert "videos" in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["table", "--file", "gone.csv"], "no file at gone.csv"),
        (["table", "--file", "set.csv"], "set.csv: has no column labels; its columns are path, label"),
        (["breakfast", "--root", "gone"], "gone: no such folder"),
        (["breakfast", "--root", "videos"], "has no videos like P03/cam01/P03_cereals.avi"),
        (["charades", "--root", "videos"], "no Charades_v1_train.csv and Charades_v1_test.csv in"),
        (
            ["charades", "--root", "videos", "--unlabelled", "some"],
            "Expected one of ('official', 'keep', 'drop')",
        ),
        (["folder", "--root", "videos", "--test-share", "0.9"], "shares 0.15 and 0.9 must not be negative"),
        (["folder", "--root", "."], "lies inside ., which is only read: choose another folder"),
        (["cereals"], "Expected one of"),
    ],
)
def test_datasets_that_cannot_be_prepared(refused, tmp_path, arguments, expected):
    (tmp_path / "videos").mkdir()
    (tmp_path / "set.csv").write_text("path,label\na.mp4,tea\n")
    assert expected in refused("prepare", *arguments, "--output", "out")
    assert not (tmp_path / "out").exists()


def test_unknown_labels(refused, tmp_path):
    path = manifest(tmp_path)
    table = pq.read_table(path)
    column = table.schema.get_field_index("labels")
    pq.write_table(table.set_column(column, table.schema.field(column), [[["coffee"]]]), path)
    line = refused("train", "--manifest", path, "--name", "x")
    assert "coffee" in line
    assert "a" in line


def test_a_missing_weight_file(refused, tmp_path):
    path = manifest(tmp_path)
    line = refused("extract", "--manifest", path, "--networks.light.weights", "gone.pth")
    assert "no weight file at gone.pth" in line


def test_an_option_that_does_not_exist(refused, tmp_path):
    line = refused("train", "--manifest", "m", "--name", "x", "--bugdet", "3")
    assert "--bugdet" in line


def test_a_config_field_that_does_not_exist(refused, tmp_path):
    values = {**to_dict(demo_selector(Path("runs"), Path("m.parquet"))), "bugdet": 3}
    write_json(tmp_path / "config.json", values)
    line = refused("train", "--config", "config.json")
    assert "bugdet" in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--config"], "error: --config needs a file"),
        (["--config=gone.json"], "error: no config file at gone.json"),
        (["--config", "a.json", "--config=a.json"], "error: --config is given 2 times"),
        (["--config=a.json"], "error: a.json is not JSON"),
        (["--config=list.json"], "error: list.json holds no values by name"),
        (["--preset", "frozen"], "error: no such option: --preset frozen"),
    ],
)
def test_config_files_that_cannot_be_taken(refused, tmp_path, arguments, expected):
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    required = [] if arguments[0].startswith("--config") else ["--manifest", "m", "--name", "x"]
    assert refused("train", *arguments, *required).startswith(expected)


@pytest.mark.parametrize("option", ["--timesteps", "--sparsity.target-timesteps"])
def test_a_value_of_the_wrong_type(refused, tmp_path, option):
    line = refused("train", "--manifest", "m", "--name", "x", option, "many")
    assert "many" in line


def test_a_required_option_that_is_missing(refused, tmp_path):
    assert "--name" in refused("train", "--manifest", "m")


def test_no_such_run(refused, tmp_path):
    line = refused("evaluate", "--run", "runs/x", "--manifest", "m")
    assert "no finished run at runs/x" in line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--space", "tune_spaces.gone"], "the search space tune_spaces.gone cannot be read"),
        (["--space", "empty.py"], "empty.py has no SPACE"),
        (["--space", "wrong.py"], "sparsity.target_timesteps can be 'many', but must be of type"),
        (["--space", "tune_spaces.quick", "--trials", "0"], "trials must be at least 1, not 0"),
        (["--space", "tune_spaces.quick", "--like", "gone"], "no run and no file of options at gone"),
        (["--space", "tune_spaces.quick", "--resume"], "split 'validation' has no videos"),
    ],
)
def test_sweeps_that_cannot_be_run(refused, tmp_path, arguments, expected):
    (tmp_path / "empty.py").write_text("SPACE = {}\n")
    (tmp_path / "wrong.py").write_text("SPACE = {'sparsity.target_timesteps': 'many'}\n")
    assert expected in refused("sweep", "--manifest", manifest(tmp_path), "--name", "x", *arguments)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["front", "--sweep", "gone"], "no sweep at gone"),
        (["front"], "--sweep"),
        (["sync", "--run", "gone"], "no run at gone"),
        (["table9"], "Expected one of {table1"),
    ],
)
def test_reports_of_nothing(refused, arguments, expected):
    assert expected in refused("report", *arguments)


class Touches:
    """Unpickling this makes a file in the folder that the job runs in."""

    def __reduce__(self):
        return (Path("ran").touch, ())


def of_unpickled_values(path: Path, name: str, evil: bytes) -> None:
    """Put a column that Ray Data unpickles into a Parquet file."""
    said = {b"ARROW:extension:name": b"ray.data.arrow_pickled_object", b"ARROW:extension:metadata": b""}
    table = pq.read_table(path)
    values = pa.array([evil] * table.num_rows, pa.large_binary())
    field = pa.field(name, values.type, metadata=said)
    pq.write_table(table.set_column(table.schema.get_field_index(name), field, values), path)


def test_a_file_in_the_place_of_a_folder(refused, tmp_path):
    (tmp_path / "out").write_bytes(b"")
    # The first to find it is whoever starts a Ray, which writes its log there, or the job itself.
    found = ("error: out/logs: Not a directory", "error: out: File exists")
    assert refused("prepare", "synthetic", "--output", "out") in found


def test_files_that_would_run_when_read_are_refused_and_do_not_run(refused, tmp_path):
    evil, good = pickle.dumps(Touches()), manifest(tmp_path)
    (tmp_path / "bad.json").write_bytes(evil)
    (tmp_path / "plain.pth").write_bytes(evil)
    torch.save({"state_dict": {"a": Touches()}}, tmp_path / "zip.pth")
    for file in ("plain.pth", "zip.pth"):
        line = refused("extract", "--manifest", good, "--networks.light.weights", file)
        assert f"{file} is not a file of plain tensors" in line
    assert "bad.json is not JSON" in refused("train", "--config", "bad.json")
    (tmp_path / "set.parquet").write_bytes(good.read_bytes())
    for name in ("labels", "path"):
        of_unpickled_values(tmp_path / "set.parquet", name, evil)
        line = refused("prepare", "table", "--file", "set.parquet", "--output", "out")
        assert "is of an extension type, which may hold code" in line
        of_unpickled_values(good, name, evil)
        assert "may hold code" in refused("train", "--manifest", good, "--name", "x")
    assert not (tmp_path / "ran").exists()


def test_videos_outside_of_what_was_given(refused, tmp_path):
    (tmp_path / "set").mkdir()
    good = manifest(tmp_path / "set")
    (tmp_path / "secret.mp4").write_bytes(b"x")
    (tmp_path / "set" / "a.mp4").unlink()
    (tmp_path / "set" / "a.mp4").symlink_to(tmp_path / "secret.mp4")
    line = refused("train", "--manifest", good, "--name", "x")
    assert "1 of 1 videos lie outside the folders that may be read" in line
    assert (
        f"leads to {tmp_path}/secret.mp4; if you mean to read them, prepare the dataset with --allow" in line
    )
    (tmp_path / "set" / "set.csv").write_text("path,labels\n../secret.mp4,tea\n")
    line = refused("prepare", "table", "--file", "set/set.csv", "--output", "out")
    assert f"if you mean to read them, add --allow {tmp_path}" in line
    assert not (tmp_path / "out").exists()
    line = refused("prepare", "table", "--file", "set/set.csv", "--output", "out", "--allow", "gone")
    assert "no folder at gone" in line


@pytest.mark.parametrize("place", ["space.py", "tune/tuner.pkl"])
def test_a_sweep_that_others_can_write_is_not_gone_on_with(tmp_path, place):
    file = tmp_path / "runs" / place
    file.parent.mkdir(parents=True)
    file.write_text("open('ran', 'w')\n")
    check_ownership(tmp_path / "runs")
    file.chmod(0o666)
    with pytest.raises(RunError, match=r"can be written by every account.*chmod -R o-w"):
        check_ownership(tmp_path / "runs")
    file.unlink()
    file.symlink_to("/dev/null")
    with pytest.raises(RunError, match="is a link"):
        check_ownership(tmp_path / "runs")


def test_a_resumed_sweep_looks_whose_its_space_is(refused, tmp_path):
    (tmp_path / "runs" / "x").mkdir(parents=True)
    space = tmp_path / "runs" / "x" / "space.py"
    space.write_text("open('ran', 'w')\nSPACE = {}\n")
    space.chmod(0o666)
    line = refused("sweep", "--manifest", manifest(tmp_path), "--name", "x", "--resume")
    assert "space.py can be written by every account, and going on would run what it holds" in line
    assert not (tmp_path / "ran").exists()
