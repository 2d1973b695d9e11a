"""Fixtures shared by all tests: small models and features, made from seeds."""

import logging
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

import epitoma.tracking  # noqa: F401  (before a test module imports MLflow, which then is as quiet as in a job)
from epitoma.core.config import from_dict, to_dict
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.files.allowed_roots import Roots, write_roots
from epitoma.files.json_files import read_json, write_json
from epitoma.files.parquet import write_parquet
from epitoma.models.classifier import EpitomaClassifier
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.selector import EpitomaSelector
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig, WorkersConfig
from epitoma.training.sparsity import SparsityConfig
from tests.mlflow_server import MlflowServer, free_port
from tests.silent_server import silent_server
from tests.tiny import write_tiny_dataset

CLASSES = ("bake", "brew", "carve")

pytest_plugins = ["tests.duration_guard", "tests.golden", "tests.made_sweeps"]

# How long an example takes says more of what else the machine is doing than of the code.
for _name, _examples in (("quick", 10), ("thorough", 200)):
    settings.register_profile(
        _name, max_examples=_examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever shares the session's Ray goes into its lane."""
    for item in items:
        if "ray_cluster" in getattr(item, "fixturenames", ()):
            if item.get_closest_marker("jobs") or item.get_closest_marker("heads"):
                raise pytest.UsageError(f"{item.nodeid}: starts a Ray of its own beside the session's")
            item.add_marker(pytest.mark.ray)


@pytest.fixture(scope="session", autouse=True)
def _private_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes a person's own files, nor an MLflow server they have set.

    One home for the whole session: Ray keeps its token there, and processes of one cluster must agree on it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(autouse=True)
def _no_priority_taken() -> Iterator[None]:
    """A test that ends as a real-time process would starve Ray and the machine in all that come after it."""
    yield
    if hasattr(os, "sched_getscheduler"):
        assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a plugin that processes started here can import: the parts of docs/extending.md as they stand there."""
    folder = tmp_path_factory.mktemp("plugins")
    page = (Path(__file__).parent.parent / "docs" / "extending.md").read_text()
    blocks = re.findall(r"```python\n# my_parts\.py\n(.*?)```", page, re.DOTALL)
    (folder / "parts_of_the_docs.py").write_text("\n\n".join(blocks))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield "parts_of_the_docs"


@pytest.fixture(scope="session")
def ray_cluster(_private_home: None, plugin: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A real Ray on this machine, which every test that needs one shares; gives the address of its dashboard.

    There is one where a chosen test looks at it: its processes have work to do all the time.
    """
    # Imported here, because it takes seconds that most tests need not spend.
    from epitoma.on_ray.cluster.ending import end_ray
    from epitoma.on_ray.cluster.loopback import keep_token_private, on_loopback
    from epitoma.on_ray.cluster.runtime import silence_ray

    import ray  # isort: skip  (our runtime sets what Ray reads while it is imported)

    keep_token_private()
    with on_loopback():
        started = ray.init(
            address="local",
            include_dashboard=any(item.get_closest_marker("dashboard") for item in request.session.items),
            dashboard_host="127.0.0.1",
            dashboard_port=free_port(),
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    silence_ray()
    yield f"http://{started.dashboard_url}"
    end_ray()


@pytest.fixture
def head_config() -> HeadConfig:
    return tiny_head()


def tiny_head() -> HeadConfig:
    return HeadConfig(selector=EpitomaSelector.Config(kernels=8), classifier=EpitomaClassifier.Config())


@pytest.fixture
def networks_config() -> NetworksConfig:
    return tiny_networks()


def tiny_networks() -> NetworksConfig:
    """Networks small enough to train in a test; random weights, since quality is not what tests ask for.

    Frozen, so that a video's features do not depend on which others a worker has.
    """
    settings = {"name": "tiny", "weights": "random", "normalisation": "frozen", "size": 32}
    return NetworksConfig(light=LightNet.Config(**settings), heavy=HeavyNet.Config(**settings, frames=2))


@pytest.fixture
def model_config() -> ModelConfig:
    torch.manual_seed(0)
    return tiny_model()


def tiny_model() -> ModelConfig:
    return ModelConfig(
        networks=tiny_networks(), head=tiny_head(), classes=CLASSES, multi_label=False, timesteps=8
    )


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Eighteen short videos of two classes."""
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture
def stalling(dataset: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manifest]:
    """That dataset, whose fourth training video stalls all that read it; each attempt is given up after a second."""
    folder, place = tmp_path / "stalling", dataset.video_ids.index(dataset.split("train").video_ids[3])
    folder.mkdir()
    monkeypatch.setenv("EPITOMA_STALL_SECONDS", "1")
    with silent_server() as address:
        paths = dataset.resolved_paths()
        paths[place] = address
        column = dataset.table.schema.get_field_index("path")
        write_parquet(
            folder / "manifest.parquet",
            dataset.table.set_column(column, dataset.table.schema.field(column), [paths]),
        )
        write_roots(folder, Roots((str(dataset.path.parent), address.rpartition("/")[0] + "/")))
        yield read_manifest(folder / "manifest.parquet")


@pytest.fixture(scope="session")
def tiny_run(dataset: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Options of a run on that dataset which takes seconds, as a JSON file."""
    config = TrainConfig(
        manifest=dataset.path,
        name="like",
        networks=tiny_networks(),
        head=tiny_head(),
        sparsity=SparsityConfig(target_timesteps=2),
        optimisation=OptimisationConfig(epochs=2, batch_size=4),
        timesteps=4,
        workers=WorkersConfig(threads=1),
    )
    path = tmp_path_factory.mktemp("like") / "like.json"
    write_json(path, to_dict(config))
    return path


@pytest.fixture(scope="session")
def trained_run(ray_cluster: str, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run from features, which all tests that need one look at, and none changes.

    Without dropout, so that what goes on from it is the same for any number of workers.
    """
    from ray_jobs.train import train

    options = from_dict(TrainConfig, read_json(tiny_run), source=str(tiny_run))
    head = tiny_head()
    head.selector.dropout = head.classifier.dropout = 0.0
    return train(replace(options, head=head, name="trained", runs=tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store without runs: making its tables takes over a second, copying them none."""
    # First, since it sets what MLflow reads while it is imported.
    import epitoma.tracking.run_tracker  # noqa: F401

    file = tmp_path_factory.mktemp("empty_store") / "mlflow.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def runs(empty_store: Path, tmp_path: Path) -> Path:
    """A folder of runs, whose MLflow store has none yet."""
    (tmp_path / "runs").mkdir()
    shutil.copyfile(empty_store, tmp_path / "runs" / "mlflow.db")
    return tmp_path / "runs"


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real MLflow server, which all tests that need one share; doors before it can be shut (tests/door.py)."""
    server = MlflowServer(tmp_path_factory.mktemp("mlflow_server"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def repository() -> Path:
    return Path(__file__).parent.parent
