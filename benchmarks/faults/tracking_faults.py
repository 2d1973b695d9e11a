"""MLflow that is away for a while."""

import os
import subprocess
import sys
import time

from mlflow import MlflowClient

from benchmarks.faults.bench import HURT_AT, ROOT, Bench
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.recovery import last_line, recovery
from benchmarks.running_job import RunningJob, losses
from epitoma.training.run_config import TrainConfig
from tests.mlflow_server import MlflowServer


def mlflow_down(bench: Bench, *, minutes: float = 1.0) -> Outcome:
    """Kill the MLflow server in the middle of a run, and start it again after a minute."""
    config = bench.run_config("mlflow_down")
    server = MlflowServer(ROOT)
    server.start()
    try:
        with RunningJob(config, {"MLFLOW_TRACKING_URI": server.uri}) as job:
            job.wait_for_step(*HURT_AT)
            seconds = recovery(job, server.stop)
            time.sleep(60 * minutes)
            server.start()
            code, said = last_line(job)
        if "report sync" in said:
            sync = ["ray_jobs.report", "sync", "--run", str(config.folder)]
            subprocess.run(
                [sys.executable, "-m", *sync],
                check=True,
                env={**os.environ, "MLFLOW_TRACKING_URI": server.uri},
            )
        assert told(server.uri, config) == losses(config.folder), "MLflow has heard all losses"
        return bench.outcome(config, seconds=seconds, code=code, said=said)
    finally:
        server.stop()


def told(uri: str, config: TrainConfig) -> list[float]:
    """The loss curve that MLflow has."""
    client = MlflowClient(uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    (run,) = client.search_runs(experiments, filter_string=f"run_name = '{config.name}'")
    history = sorted(client.get_metric_history(run.info.run_id, "train/loss"), key=lambda each: each.step)
    return [each.value for each in history]
