"""Runs and experiments that are deleted in MLflow: jobs go on, keep their journal and write their model."""

from pathlib import Path

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


@case
def run_deleted_while_training(folder: Path) -> Seen:
    """The run is deleted in MLflow while it trains; restored, it gets the rest by sync."""
    run, client = folder / "runs" / "one", None
    job = start(*train_words(epochs=60), folder=folder)
    wait_for(lambda: epochs_done(run) > 2, job)
    client = MlflowClient(store_uri(folder / "runs"))
    run_id = stored(folder / "runs")["one"].info.run_id
    client.delete_run(run_id)
    done, refused = ended(job), sync(folder)
    client.restore_run(run_id)
    again = sync(folder)
    ok = is_whole(run, done, "as a deleted one", "mlflow runs restore", SYNC)
    ok = ok and refused.code not in (0, None) and not refused.has_traceback and again.code == 0
    return Seen(ok and stored(folder / "runs")["one"].info.status == "FINISHED", done.last_line)


@case
def run_deleted_and_then_used(folder: Path) -> Seen:
    """After its run was deleted, a model is evaluated and explained, and its training resumed."""
    run, video = folder / "runs" / "one", tiny_dataset().resolved_paths()[0]
    trained = epitoma(*train_words(), folder=folder)
    MlflowClient(store_uri(folder / "runs")).delete_run(stored(folder / "runs")["one"].info.run_id)
    jobs = [
        epitoma("evaluate", "--run", run, "--manifest", tiny_dataset().path, folder=folder),
        epitoma("report", "explain", "--model", run, "--video", video, folder=folder),
        epitoma(*train_words(epochs=3), "--resume", folder=folder),
    ]
    ok = trained.code == 0 and all(is_whole(run, job, "as a deleted one", SYNC) for job in jobs)
    return Seen(ok, " | ".join(job.last_line for job in jobs))


@case
def experiment_deleted(folder: Path) -> Seen:
    """The experiment of all runs was deleted before a new run is trained."""
    first = epitoma(*train_words("first"), folder=folder)
    client = MlflowClient(store_uri(folder / "runs"))
    experiment = client.get_experiment_by_name("epitoma")
    assert experiment is not None
    client.delete_experiment(experiment.experiment_id)
    done = epitoma(*train_words(), folder=folder)
    client.restore_experiment(experiment.experiment_id)
    ok = first.code == 0 and is_whole(folder / "runs" / "one", done, "mlflow experiments restore", SYNC)
    return Seen(ok and sync(folder).code == 0, done.last_line)


@case
def experiment_deleted_and_then_used(folder: Path) -> Seen:
    """After the experiment was deleted, a model of it is evaluated and explained."""
    run, video = folder / "runs" / "one", tiny_dataset().resolved_paths()[0]
    trained = epitoma(*train_words(), folder=folder)
    client = MlflowClient(store_uri(folder / "runs"))
    client.delete_experiment(stored(folder / "runs")["one"].info.experiment_id)
    jobs = [
        epitoma("evaluate", "--run", run, "--manifest", tiny_dataset().path, folder=folder),
        epitoma("explain", "--model", run, "--video", video, folder=folder),
    ]
    ok = trained.code == 0 and all(is_whole(run, job, "as a deleted one", SYNC) for job in jobs)
    return Seen(ok, " | ".join(job.last_line for job in jobs))
