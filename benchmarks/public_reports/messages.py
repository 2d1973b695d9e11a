"""Messages that were poor: what a person typed, and the line that says what is wrong with it and what to do."""

import re
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import epitoma
from benchmarks.public_reports.tiny_data import TRAIN, manifest, model
from epitoma.core.config import to_dict
from epitoma.datasets.manifest import read_manifest
from epitoma.files.json_files import write_json
from epitoma.training.run_config import TrainConfig

_RATE = ["--optimisation.learning-rate", "1e30", "--optimisation.epochs", "3"]


@case
def a_learning_rate_of_1e30(folder: Path) -> Seen:
    """A learning rate with which training diverges at once."""
    done = epitoma("train", "--manifest", manifest(folder), "--name", "x", *TRAIN, *_RATE, folder=folder)
    return Seen(
        done.ends_with(2, "training diverged", "lower optimisation.learning_rate (1e+30)"), done.last_line
    )


@case
def a_sweep_of_which_all_trials_diverge(folder: Path) -> Seen:
    """A space whose rates are all far too high."""
    space = "from ray import tune\nSPACE = {'optimisation.learning_rate': tune.choice([1e29, 1e30])}\n"
    (folder / "space.py").write_text(space)
    command = [
        "train",
        "--manifest",
        manifest(folder),
        "--name",
        "like",
        *TRAIN,
        "--optimisation.epochs",
        "1",
    ]
    made = epitoma(*command, folder=folder)
    done = epitoma(
        *("sweep", "--manifest", manifest_of(folder), "--name", "s", "--space", "space.py", "--trials", "2"),
        *("--like", "runs/like"),
        folder=folder,
    )
    ok = made.code == 0 and done.ends_with(2, "has no result: 2 trials failed", "training diverged", "lower")
    return Seen(ok, done.last_line)


@case
def a_table_with_semicolons(folder: Path) -> Seen:
    """A CSV file as spreadsheets of many languages write it."""
    return _table(folder, "path;labels\n{0};tea\n{1};milk\n", 0, "2 classes")


@case
def a_table_with_semicolons_and_another_header(folder: Path) -> Seen:
    """The same where a column is missing: the columns are told apart."""
    return _table(folder, "path;label\n{0};tea\n", 2, "has no column labels; its columns are path, label")


@case
def a_label_that_is_nan(folder: Path) -> Seen:
    """NaN in the place of a label, as programs write for an empty cell."""
    return _table(
        folder,
        "path,labels\n{0},tea\n{1},NaN\n",
        2,
        "row 2 (line 3) has the label 'NaN'",
        "leave the cell empty",
    )


@case
def a_path_with_backslashes(folder: Path) -> Seen:
    r"""``v\0.mp4``, as Windows writes paths."""
    seen = _table(folder, "path,labels\n{0},tea\nv\\0.mp4,tea\n", 0, "1 classes")
    (reject,) = pq.read_table(folder / "out" / "rejects.parquet").to_pylist()
    return Seen(seen.ok and "write / in its path" in reject["reason"], f"{seen.said}; {reject['reason']}")


@case
def what_an_explanation_says_it_saved(folder: Path) -> Seen:
    """``explain``: no share of nothing, and times of warm networks."""
    video = read_manifest(manifest(folder)).resolved_paths()[0]
    done = epitoma("explain", "--model", model(folder), "--video", video, folder=folder)
    (page,) = folder.glob("run/explanation_*/explanation.html")
    light = re.findall(
        r"<tr><td>ms of light</td><td>([\d.e-]+)</td><td>0</td><td></td></tr>", page.read_text()
    )
    shares = [int(share) for share in re.findall(r"<td>(-?\d+)%</td>", page.read_text())]
    ok = done.code == 0 and len(light) == 1 and min(shares) > -10_000
    return Seen(ok, f"ms of light {light}, shares saved {shares}")


@case
def options_with_an_equals_sign(folder: Path) -> Seen:
    """``--config=FILE`` and ``--preset=NAME``."""
    write_json(folder / "run.json", to_dict(TrainConfig(manifest=Path("gone.parquet"), name="x")))
    file = epitoma("train", "--config=run.json", folder=folder)
    preset = epitoma("train", "--preset=frozen", "--manifest=gone.parquet", "--name=x", folder=folder)
    ok = all(each.ends_with(2, "no manifest at gone.parquet") for each in (file, preset))
    return Seen(ok, f"{file.last_line}; {preset.last_line}")


def manifest_of(folder: Path) -> Path:
    """The manifest that is there already."""
    return folder / "data" / "manifest.parquet"


def _table(folder: Path, text: str, code: int, *words: str) -> Seen:
    """Prepare a table in which {0}, {1} are films."""
    videos = read_manifest(manifest(folder)).resolved_paths()
    (folder / "set.csv").write_text(text.replace("{0}", videos[0]).replace("{1}", videos[1]))
    done = epitoma("prepare", "table", "--file", "set.csv", "--output", "out", folder=folder)
    return Seen(done.ends_with(code, *words), done.last_line)
