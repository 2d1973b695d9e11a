"""What MLflow's store has after a test."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from epitoma.tracking.address import store_uri


def runs_in(runs: Path) -> list[Run]:
    """All runs of a folder of runs."""
    client = MlflowClient(store_uri(runs))
    return client.search_runs([client.get_experiment_by_name("epitoma").experiment_id])
