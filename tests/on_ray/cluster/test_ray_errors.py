"""What comes out of Ray: errors of ours as they are, what is lost in one line, bugs with their traceback."""

import os
import signal

import pytest
import ray
from ray.exceptions import RayActorError, RayTaskError

from epitoma.core.errors import ClusterError, ConfigError
from epitoma.on_ray.cluster.ray_errors import without_ray_errors

LOGS = "runs/x/logs"


@ray.remote(num_cpus=0, max_retries=0)
def fail(how: str) -> None:
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "ours":
        raise ConfigError("a wrong number")
    if how == "bug":
        raise TypeError("a bug")
    os.listdir("/dev/full/x")


def raised_by(how: str) -> BaseException:
    with pytest.raises(BaseException) as raised, without_ray_errors(LOGS):  # noqa: PT011  (of which kind is asked after)
        ray.get(fail.remote(how))
    return raised.value


def test_errors_of_tasks_come_out_as_they_are(ray_cluster):
    assert type(raised_by("ours")) is ConfigError
    of_the_system = raised_by("system")
    assert type(of_the_system) is NotADirectoryError
    assert of_the_system.filename == "/dev/full/x"


def test_a_lost_worker_may_be_tried_again(ray_cluster):
    lost = raised_by("killed")
    assert isinstance(lost, ClusterError)
    assert lost.exit_code == 75
    assert str(lost).startswith("Ray lost what the job needs (")
    assert str(lost).endswith(f"run the job again (training and sweeps with --resume); Ray's logs: {LOGS}")


def test_a_bug_keeps_its_traceback(ray_cluster):
    bug = raised_by("bug")
    assert isinstance(bug, RayTaskError)
    assert isinstance(bug, TypeError)


def test_a_lost_actor_without_words_has_a_line_too():
    with (
        pytest.raises(ClusterError, match=r"Ray lost what the job needs \(.+\): run"),
        without_ray_errors(LOGS),
    ):
        raise RayActorError(error_msg="")
