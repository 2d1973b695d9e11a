"""MLflow says no, in every way that people report: the job goes on, keeps its journal and writes its model."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from mlflow import MlflowClient

from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import epitoma, start
from benchmarks.public_reports.tiny_data import tiny_dataset
from benchmarks.public_reports.tracked import (
    SYNC,
    ended,
    epochs_done,
    is_whole,
    stored,
    sync,
    train_words,
    wait_for,
)
from epitoma.tracking.address import store_uri
from epitoma.tracking.entries import Metrics, Status, to_line
from epitoma.tracking.journal import JOURNAL_FILE, Journal


@case
def two_begin_at_once(folder: Path) -> Seen:
    """Two training jobs begin at once in a folder of runs that is new."""
    jobs = [start(*train_words(name), folder=folder) for name in ("one", "other")]
    done = [ended(job) for job in jobs]
    ok = all(each.ends_with(0) and "and not told" not in each.printed for each in done)
    statuses = {name: run.info.status for name, run in stored(folder / "runs").items()}
    return Seen(ok and statuses == {"one": "FINISHED", "other": "FINISHED"}, f"{statuses}")


@case
def eight_begin_at_once(folder: Path) -> Seen:
    """Eight processes open a store at once that does not exist yet."""
    names = [f"run{number}" for number in range(8)]
    for name in names:
        _write_journal(folder / "runs" / name)
    jobs = [start("report", "sync", "--run", folder / "runs" / name, folder=folder) for name in names]
    done = [ended(job) for job in jobs]
    ok = all(each.ends_with(0, "3 records sent") for each in done)
    return Seen(ok and sorted(stored(folder / "runs")) == names, done[0].last_line)


def _write_journal(run: Path) -> None:
    journal, now = Journal(run), int(time.time() * 1000)
    for entry in (Status("RUNNING", now), Metrics([("m", 1.0, 0)], now), Status("FINISHED", now)):
        journal.add(to_line(entry))


@case
def addresses_that_are_no_stores(folder: Path) -> Seen:
    """MLFLOW_TRACKING_URI is a folder, has no scheme or a wrong one, or is a file that is no database."""
    (folder / "notes.txt").write_text("some notes\n" * 1000)
    addresses = ("./mlruns", "file:///data/mlruns", "there:5000", "htp://there:5000", "sqlite:///notes.txt")
    done = [
        epitoma(*train_words(), folder=folder, environment={"MLFLOW_TRACKING_URI": each})
        for each in addresses
    ]
    ok = all(each.ends_with(2, "error: MLFLOW_TRACKING_URI is ", "or leave it unset") for each in done)
    return Seen(ok and not (folder / "runs").exists(), " | ".join(each.last_line for each in done))


@contextmanager
def locked_store(runs: Path, how: str) -> Iterator[None]:
    """A store that another process has locked."""
    with closing(sqlite3.connect(runs / "mlflow.db", isolation_level=None, timeout=30)) as holder:
        holder.execute(f"BEGIN {how}")
        yield


@case
def store_locked_at_the_start(folder: Path) -> Seen:
    """The database is locked from before the job begins until after its end."""
    _make_store(folder)
    with locked_store(folder / "runs", "EXCLUSIVE"):
        done = epitoma(*train_words(), folder=folder)
    ok = is_whole(folder / "runs" / "one", done, "database is locked", "end what holds", SYNC)
    return Seen(ok and sync(folder).code == 0, done.last_line)


def _make_store(folder: Path) -> None:
    _write_journal(folder / "runs" / "before")
    assert sync(folder, "runs/before").code == 0


@case
def store_locked_for_thirty_seconds(folder: Path) -> Seen:
    """The database is locked for half a minute while a run trains: all is told, and no traceback is shown."""
    run = folder / "runs" / "one"
    job = start(*train_words(epochs=60), folder=folder)
    wait_for(lambda: epochs_done(run) > 2, job)
    with locked_store(folder / "runs", "IMMEDIATE"):
        time.sleep(30)
    done = ended(job)
    run_is = stored(folder / "runs")["one"]
    curve = MlflowClient(store_uri(folder / "runs")).get_metric_history(run_is.info.run_id, "train/loss")
    ok = done.ends_with(0) and "sqlite3" not in done.printed and "not told" not in done.printed
    return Seen(
        ok and len(curve) == 60 and Journal(run).pending() == [], f"{len(curve)} of 60 epochs are in MLflow"
    )


@case
def store_of_another_mlflow(folder: Path) -> Seen:
    """The database beside the runs was made by another version of MLflow."""
    _make_store(folder)
    with closing(sqlite3.connect(folder / "runs" / "mlflow.db")) as store, store:
        store.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    done = epitoma(*train_words(), folder=folder)
    ok = is_whole(folder / "runs" / "one", done, "another version of MLflow has made it", "move ", SYNC)
    return Seen(ok and "MLFLOW_TRACKING_URI" not in done.printed, done.last_line)


@case
def store_damaged(folder: Path) -> Seen:
    """The database beside the runs is damaged; moved away, a new one gets all of the run."""
    (folder / "runs").mkdir()
    (folder / "runs" / "mlflow.db").write_bytes(b"damaged" * 1000)
    done = epitoma(*train_words(), folder=folder)
    (folder / "runs" / "mlflow.db").unlink()
    again = sync(folder)
    ok = is_whole(folder / "runs" / "one", done, "is not a database", "repair ", SYNC) and again.code == 0
    return Seen(ok and stored(folder / "runs")["one"].info.status == "FINISHED", done.last_line)


@case
def folders_with_odd_names(folder: Path) -> Seen:
    """Runs lie below folders named a%20b, feature%2Flogin, a?b and a#b."""
    runs = folder / "a%20b" / "feature%2Flogin" / "a?b" / "a#b"
    done = epitoma(*train_words(runs=runs), folder=folder)
    ok = (
        done.ends_with(0)
        and "not told" not in done.printed
        and (runs / "one" / "model" / "MLmodel").is_file()
    )
    places = [str(file.relative_to(folder)) for file in folder.rglob("mlflow.db")]
    return Seen(ok and places == [str(runs.relative_to(folder) / "mlflow.db")], f"the database is {places}")


class _Refusing(BaseHTTPRequestHandler):
    """Answers every request with one status."""

    status = 500

    def do_GET(self) -> None:
        """Answer."""
        self.send_error(self.status)

    do_POST = do_PUT = do_PATCH = do_GET

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@case
def server_answers_400_and_500(folder: Path) -> Seen:
    """An MLflow server answers every request with 400, another with 500."""
    said, ok = [], True
    for status in (400, 500):
        handler = type("Refusing", (_Refusing,), {"status": status})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            address = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{server.server_port}"}
            done = epitoma(*train_words(f"r{status}"), folder=folder, environment=address)
            server.shutdown()
        ok = ok and is_whole(folder / "runs" / f"r{status}", done, str(status), "see its log", SYNC)
        said.append(done.last_line)
    return Seen(ok, " | ".join(said))


@case
def evaluate_interrupted(folder: Path) -> Seen:
    """Evaluations and explanations, interrupted or not, leave the status and times of their run as they were."""
    run, video = folder / "runs" / "one", tiny_dataset().resolved_paths()[0]
    epitoma(*train_words(), folder=folder)
    before = stored(folder / "runs")["one"].info
    evaluate = ["evaluate", "--run", str(run), "--manifest", str(tiny_dataset().path)]
    explain = ["report", "explain", "--model", str(run), "--video", video]
    codes = []
    for words, there in (
        (evaluate, "evaluation_test/tradeoff.md"),
        (explain, "explanation_*/explanation.html"),
    ):
        job = start(*words, folder=folder)
        # What is told to MLflow comes right after what is written.
        wait_for(lambda there=there: any(run.glob(there)), job)
        job.send_signal(signal.SIGINT)
        codes.append(ended(job).code)
        codes.append(epitoma(*words, folder=folder).code)
    after = stored(folder / "runs")["one"].info
    times = [(each.status, each.start_time, each.end_time) for each in (before, after)]
    ok = times[0] == times[1] and times[0][0] == "FINISHED" and codes[1::2] == [0, 0]
    return Seen(ok, f"{after.status}, exit codes {codes}")


@case
def two_log_to_one_run(folder: Path) -> Seen:
    """Two evaluations and an explanation of one run at once lose no entry of its journal."""
    run, video = folder / "runs" / "one", tiny_dataset().resolved_paths()[0]
    epitoma(*train_words(), folder=folder)
    before = len((run / JOURNAL_FILE).read_text().splitlines())
    evaluate = ["evaluate", "--run", str(run), "--manifest", str(tiny_dataset().path), "--split"]
    words = (
        [*evaluate, "test"],
        [*evaluate, "validation"],
        ["report", "explain", "--model", run, "--video", video],
    )
    done = [ended(job) for job in [start(*each, folder=folder) for each in words]]
    added = len(Journal(run).lines) - before
    ok = all(each.ends_with(0) for each in done) and Journal(run).pending() == []
    # Metrics, table and folder of each evaluation, page and figure of the explanation.
    return Seen(ok and added == 3 + 3 + 2, f"{added} of 8 entries were added")
