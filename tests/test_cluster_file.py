"""cluster.yaml keeps what it promises: Ray takes it, work is placed, and nothing is open to the world."""

import copy
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parent.parent
ROLE = "epitoma.io/role"
Config = dict[str, Any]


@pytest.fixture(scope="module")
def config() -> Config:
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


def starts(config: Config, role: str) -> tuple[dict[str, str], dict[str, str]]:
    """What `ray start` of head or workers is given: variables and options."""
    (command,) = [line for line in config[f"{role}_start_ray_commands"] if "ray start" in line]
    before, after = command.split("ray start", 1)
    variables = dict(word.split("=", 1) for word in shlex.split(before) if re.match(r"\w+=", word))
    options = (word.removeprefix("--").partition("=") for word in shlex.split(after))
    return variables, {name: value for name, _, value in options}


def commands(config: Config) -> list[str]:
    kinds = [name for name in config if name.endswith("_commands")]
    return [line for kind in kinds for line in config[kind]]


def accepted_by_ray(config: Config) -> None:
    validate_config(prepare_config(copy.deepcopy(config)))


def labelled(config: Config) -> None:
    for name, kind in config["available_node_types"].items():
        assert kind["labels"] == {ROLE: name}


def head_without_work(config: Config) -> None:
    assert config["head_node_type"] == "head"
    assert config["available_node_types"]["head"]["resources"] == {"CPU": 0}
    assert starts(config, "head")[1]["num-cpus"] == "0"


def bounded(config: Config) -> None:
    kinds = prepare_config(copy.deepcopy(config))["available_node_types"]
    assert kinds["head"]["max_workers"] == 0
    workers = [kinds["decode"], kinds["train"]]
    assert all(0 <= kind["min_workers"] <= kind["max_workers"] < 100 for kind in workers)
    assert sum(kind["max_workers"] for kind in workers) <= config["max_workers"]
    assert 0 < config["idle_timeout_minutes"] <= 60


def spot_for_decoding_alone(config: Config) -> None:
    markets = {
        name: kind["node_config"].get("InstanceMarketOptions", {}).get("MarketType")
        for name, kind in config["available_node_types"].items()
    }
    assert markets == {"head": None, "decode": "spot", "train": None}


def gpus_for_training_alone(config: Config) -> None:
    gpus = {name: kind["resources"].get("GPU", 0) for name, kind in config["available_node_types"].items()}
    assert gpus == {"head": 0, "decode": 0, "train": 1}


def guarded_by_the_token(config: Config) -> None:
    for role in ("head", "worker"):
        assert starts(config, role)[0]["RAY_AUTH_MODE"] == "token"
    assert config["file_mounts"]["/home/ubuntu/.ray/auth_token"] == "~/.ray/auth_token"
    assert "chmod 600 ~/.ray/auth_token" in config["setup_commands"]
    assert not any("RAY_AUTH_TOKEN=" in line for line in commands(config))


def on_loopback_alone(config: Config) -> None:
    assert starts(config, "head")[1]["dashboard-host"] == "127.0.0.1"
    assert not any("0.0.0.0" in line for line in commands(prepare_config(copy.deepcopy(config))))
    (mlflow,) = [line for line in config["head_start_ray_commands"] if "mlflow server" in line]
    assert re.search(r"--host 127\.0\.0\.1\s", mlflow)


def letting_in_ssh_alone(config: Config) -> None:
    """Ray's own rules for a new group are SSH and the group itself; the file must add none."""
    assert config["provider"]["security_group"] == {"GroupName": "epitoma"}


def pinned(config: Config) -> None:
    """Every install takes the versions of constraints.txt, which has Ray's and that of what the head needs beside."""
    installs = [line for line in commands(prepare_config(copy.deepcopy(config))) if "pip install" in line]
    assert len(installs) >= 2
    assert all("--constraint ~/epitoma/constraints.txt" in line for line in installs)
    held = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {"ray", "torch", "mlflow", "boto3"} <= held


def setting_what_jobs_need(config: Config) -> None:
    head, worker = starts(config, "head")[0], starts(config, "worker")[0]
    assert int(head["RAY_JOB_STOP_WAIT_TIME_S"]) >= 60
    assert head["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    for variables in (head, worker):
        assert variables["EPITOMA_ROOTS"] == "/mnt/epitoma"
        assert variables["RAY_worker_niceness"] == "0"
        assert variables["PATH"].startswith("$HOME/venv/bin:")


def sharing_a_file_system(config: Config) -> None:
    assert any("mount -t nfs4" in line and "/mnt/epitoma" in line for line in config["setup_commands"])


PROMISES = [
    accepted_by_ray,
    labelled,
    head_without_work,
    bounded,
    spot_for_decoding_alone,
    gpus_for_training_alone,
    guarded_by_the_token,
    on_loopback_alone,
    letting_in_ssh_alone,
    pinned,
    setting_what_jobs_need,
    sharing_a_file_system,
]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_the_file_is(promise: Callable[[Config], None], config: Config):
    promise(config)


def replaced(where: str, old: str, new: str) -> Callable[[Config], None]:
    def change(config: Config) -> None:
        before = list(config[where])
        config[where] = [line.replace(old, new) for line in before]
        assert config[where] != before

    return change


def having(*path: str, value: Any) -> Callable[[Config], None]:
    def change(config: Config) -> None:
        *parents, last = path
        for name in parents:
            config = config[name]
        config[last] = value

    return change


HEAD, WORKER = "head_start_ray_commands", "worker_start_ray_commands"
KINDS = "available_node_types"


@pytest.mark.parametrize(
    ("promise", "change"),
    [
        (accepted_by_ray, having("node_types", value={})),
        (accepted_by_ray, having(KINDS, "train", "labels", value={ROLE: 1})),
        (labelled, having(KINDS, "decode", "labels", value={})),
        (head_without_work, having(KINDS, "head", "resources", value={"CPU": 4})),
        (head_without_work, replaced(HEAD, "--num-cpus=0", "--num-cpus=4")),
        (bounded, having(KINDS, "decode", "max_workers", value=200)),
        (spot_for_decoding_alone, having(KINDS, "decode", "node_config", value={})),
        (guarded_by_the_token, replaced(WORKER, "RAY_AUTH_MODE=token", "RAY_AUTH_MODE=disabled")),
        (on_loopback_alone, replaced(HEAD, "--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0")),
        (on_loopback_alone, replaced(HEAD, "--host 127.0.0.1", "--host 0.0.0.0")),
        (
            letting_in_ssh_alone,
            having("provider", "security_group", "IpPermissions", value=[{"FromPort": 8265}]),
        ),
        (pinned, having("setup_commands", value=["pip install ray", "pip install epitoma"])),
        (pinned, lambda config: config.pop("head_setup_commands")),
        (setting_what_jobs_need, replaced(HEAD, "RAY_JOB_STOP_WAIT_TIME_S=60", "RAY_JOB_STOP_WAIT_TIME_S=3")),
    ],
)
def test_a_breach_would_be_noticed(promise, change, config: Config):
    changed = copy.deepcopy(config)
    change(changed)
    with pytest.raises((AssertionError, KeyError, ValidationError)):
        promise(changed)
