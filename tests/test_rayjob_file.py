"""docs/rayjob.yaml: KubeRay's autoscaler reads it, work is placed, and it holds no token."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

from epitoma.presets import preset
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.options import parse

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "rayjob.yaml").read_text()


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    return yaml.safe_load(TEXT)


@pytest.fixture(scope="module")
def cluster(job) -> dict[str, Any]:
    return job["spec"]["rayClusterSpec"]


@pytest.fixture(scope="module")
def groups(cluster) -> dict[str, dict[str, Any]]:
    workers = {group["groupName"]: group for group in cluster["workerGroupSpecs"]}
    return {"head": cluster["headGroupSpec"], **workers}


def container(group: dict[str, Any]) -> dict[str, Any]:
    (only,) = group["template"]["spec"]["containers"]
    return only


def variables(group: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(group)["env"]}


def test_it_is_a_ray_job(job):
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")


def test_rays_autoscaler_sees_roles_and_bounds(cluster):
    seen = _derive_autoscaling_config_from_ray_cr(
        {"metadata": {"name": "epitoma", "namespace": "default"}, "spec": cluster}
    )
    kinds = seen["available_node_types"]
    assert {name: kind["labels"]["epitoma.io/role"] for name, kind in kinds.items()} == {
        "headgroup": "head",
        "decode": "decode",
        "train": "train",
    }
    assert kinds["headgroup"]["resources"]["CPU"] == 0
    assert "GPU" not in kinds["decode"]["resources"]
    assert kinds["train"]["resources"]["GPU"] == 1
    assert all(kinds[name]["max_workers"] > 0 for name in ("decode", "train"))


def test_versions_are_those_of_the_project(cluster, groups):
    constraints = (ROOT / "constraints.txt").read_text()
    ray_version = re.search(r"^ray==(\S+)$", constraints, re.MULTILINE)[1]
    assert cluster["rayVersion"] == ray_version
    assert all(container(group)["image"].endswith(f"-ray{ray_version}") for group in groups.values())


def test_the_token_is_the_operators_and_not_in_the_file(cluster):
    assert cluster["authOptions"] == {"mode": "token"}
    assert "TOKEN" not in TEXT
    assert not re.search(r"[0-9a-f]{32}", TEXT)


def test_decoding_alone_is_preemptible(groups):
    preemptible = {name for name, group in groups.items() if "nodeSelector" in group["template"]["spec"]}
    assert preemptible == {"decode"}


def test_every_group_has_what_jobs_need(groups):
    for group in groups.values():
        assert variables(group)["EPITOMA_ROOTS"] == "/mnt/epitoma"
        assert variables(group)["RAY_worker_niceness"] == "0"
        assert container(group)["volumeMounts"] == [{"name": "shared", "mountPath": "/mnt/epitoma"}]
        (volume,) = group["template"]["spec"]["volumes"]
        assert volume["persistentVolumeClaim"] == {"claimName": "epitoma"}
    assert int(variables(groups["head"])["RAY_JOB_STOP_WAIT_TIME_S"]) >= 60


def test_nothing_is_reached_from_outside(groups):
    assert groups["head"]["serviceType"] == "ClusterIP"


def test_the_job_has_options_that_exist_and_writes_to_shared_storage(job):
    command = job["spec"]["entrypoint"].split()
    assert command[:3] == ["python", "-m", "ray_jobs.train"]
    config = parse(TrainConfig, command[3:], about="", preset=preset)
    assert config.runs.is_relative_to("/mnt/epitoma")
    assert config.manifest.is_relative_to("/mnt/epitoma")
