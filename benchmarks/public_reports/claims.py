"""Two jobs, or two writers, at once on the same folder or file."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import LIMIT_SECONDS, Done, epitoma, start
from benchmarks.public_reports.tiny_data import EXTRACT, TRAIN, manifest, model
from epitoma.core.errors import TRY_AGAIN
from epitoma.files.atomic import write_text
from epitoma.files.claims import HOLDER_FILE

WRITERS, WRITES = 12, 50


def _second(words: list[str], folder: Path, claimed: Path) -> tuple[Done, Done]:
    """Start a command, and the same one again once the first has claimed its folder; how both ended."""
    first = start(*words, folder=folder)
    try:
        wait_for(claimed / HOLDER_FILE)
        second = epitoma(*words, folder=folder)
        printed, _ = first.communicate(timeout=LIMIT_SECONDS)
        return Done(first.returncode, printed), second
    finally:
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)


def wait_for(file: Path) -> None:
    """Wait until a file is there.

    Raises:
        TimeoutError: It does not come.
    """
    deadline = time.monotonic() + LIMIT_SECONDS
    while not file.is_file():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{file} does not come")
        time.sleep(0.05)


def _one_refused(first: Done, second: Done, who: str) -> Seen:
    ok = first.code == 0 and second.ends_with(TRY_AGAIN, f"is in use by {who}, process ", "since 20")
    return Seen(ok=ok, said=f"first: exit {first.code}; second: exit {second.code}, {second.last_line}")


@case
def two_trainings_of_one_name(folder: Path) -> Seen:
    """Two `train &` with one name."""
    words = [
        "train",
        "--manifest",
        str(manifest(folder)),
        "--name",
        "first",
        *TRAIN,
        "--optimisation.epochs",
        "2",
    ]
    return _one_refused(*_second(words, folder, folder / "runs" / "first"), "train first")


@case
def two_predictions_into_one_output(folder: Path) -> Seen:
    """Two `predict &` with one output."""
    films = manifest(folder).parent
    words = ["predict", "--model", str(model(folder)), "--input", str(films), "--output", "out"]
    first, second = _second(words, folder, folder / "out")
    seen = _one_refused(first, second, "predict")
    found = len(pq.read_table(folder / "out" / "predictions.parquet"))
    return Seen(ok=seen.ok and found == 18, said=f"{seen.said}; {found} of 18 videos")


@case
def two_datasets_into_one_output(folder: Path) -> Seen:
    """Two `prepare &` with one output."""
    words = [
        "prepare",
        "synthetic",
        "--output",
        "made",
        "--dataset.train-videos",
        "4",
        "--dataset.size",
        "32",
    ]
    return _one_refused(*_second(words, folder, folder / "made"), "prepare")


@case
def two_extractions_of_the_same_features(folder: Path) -> Seen:
    """Two `extract &` with one store: the second waits for the first, and computes nothing twice."""
    words = ["extract", "--manifest", str(manifest(folder)), "--networks-from", str(model(folder)), *EXTRACT]
    first = start(*words, folder=folder)
    second = epitoma(*words, folder=folder)
    printed, _ = first.communicate(timeout=LIMIT_SECONDS)
    rows = sum(pq.read_metadata(part).num_rows for part in folder.glob("runs/features/*/parts/*.parquet"))
    waited = "is in use by extraction of features, process " in printed + second.printed
    ok = (first.returncode, second.code, rows) == (0, 0, 18)
    return Seen(
        ok=ok, said=f"exits {first.returncode} and {second.code}, {rows} rows of 18 videos, waited: {waited}"
    )


@case
def a_killed_training_holds_nothing(folder: Path) -> Seen:
    """`kill -9` of a training, and the same command with --resume."""
    words = ["train", "--manifest", str(manifest(folder)), "--name", "first", *TRAIN]
    run = folder / "runs" / "first"
    job = start(*words, "--optimisation.epochs", "100000", folder=folder)
    try:
        wait_for(run / "history.json")
    finally:
        os.killpg(job.pid, signal.SIGKILL)
        job.communicate()
    is_left = (run / HOLDER_FILE).is_file()
    done = epitoma(*words, "--optimisation.epochs", "2", "--resume", folder=folder)
    ok = is_left and done.code == 0 and (run / "model" / "model.safetensors").is_file()
    return Seen(ok=ok, said=f"its note was left: {is_left}; resumed: exit {done.code}, {done.last_line}")


@case
def six_hundred_writes_of_one_file(folder: Path) -> Seen:
    """Writers with one pid, as the first processes of two containers have, write one file at once."""
    texts = [str(number) * 5000 for number in range(WRITERS)]
    failed: list[str] = []

    def write(text: str) -> None:
        for _ in range(WRITES):
            try:
                write_text(folder / "state.json", text)
            except OSError as error:
                failed.append(str(error))

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, texts))
    whole = (folder / "state.json").read_text() in texts
    left = len(list(folder.iterdir())) - 1
    said = f"{len(failed)} of {WRITERS * WRITES} writes failed, whole: {whole}, left behind: {left}"
    return Seen(ok=not failed and whole and not left, said=said)
