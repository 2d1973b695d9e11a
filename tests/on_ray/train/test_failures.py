"""What is said of a training that failed, whatever Ray has to say of it."""

from pathlib import Path

import pytest
from ray.exceptions import RayActorError
from ray.train import TrainingFailedError
from ray.train.v2.api.exceptions import WorkerGroupError

from epitoma.core.errors import ClusterError, DivergedError, EpitomaError, RunError
from epitoma.on_ray.train.fit import _cause
from epitoma.training.run_config import TrainConfig


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (WorkerGroupError("", {0: ValueError("one\ntwo")}), RunError, "run 'one' failed: two "),
        (WorkerGroupError("", {0: ValueError()}), RunError, "run 'one' failed: ValueError "),
        (
            WorkerGroupError("", {0: RuntimeError("closed by peer"), 1: RayActorError()}),
            ClusterError,
            "(The actor experienced an error",
        ),
        (WorkerGroupError("", {}), ClusterError, "(Training failed due to worker errors)"),
        (TrainingFailedError(), ClusterError, "(TrainingFailedError)"),
    ],
)
def test_a_failure_has_a_reason_also_where_its_text_is_empty(
    error: TrainingFailedError, kind: type[EpitomaError], said: str, tmp_path: Path
):
    config = TrainConfig(manifest=tmp_path / "manifest.parquet", name="one", runs=tmp_path)
    cause = _cause(error, config)
    assert type(cause) is kind
    assert said in str(cause)
    assert f"Ray's logs: {tmp_path / 'one' / 'logs'}" in str(cause)


def test_an_error_of_ours_inside_it_is_what_is_said(tmp_path: Path):
    ours = DivergedError("not finite")
    config = TrainConfig(manifest=tmp_path / "manifest.parquet", name="one", runs=tmp_path)
    assert _cause(WorkerGroupError("", {0: ours}), config) is ours
