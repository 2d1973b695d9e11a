"""Fixtures shared by all tests: small models and features, made from seeds."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from epitoma.config import to_dict
from epitoma.datasets.manifest import Manifest, read_manifest, write_manifest
from epitoma.datasets.synthetic import SyntheticConfig, class_names, plan_dataset, write_synthetic_video
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.classifier import VideoClassifier
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig
from epitoma.sparsity import SparsityConfig
from epitoma.training.checkpoint import write_json
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig

CLASSES = ("bake", "brew", "carve")

# How long an example takes says more of what else the machine is doing than of the code.
settings.register_profile("epitoma", deadline=None)
settings.load_profile("epitoma")


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
def ray_cluster(_private_home: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A real Ray on this machine, which every test that needs one shares."""
    # Imported here, because it takes seconds that most tests need not spend.
    import ray

    from epitoma.on_ray.runtime import ray_session

    with ray_session(logs=tmp_path_factory.mktemp("ray_logs")):
        yield
    assert not ray.is_initialized()


@pytest.fixture
def head_config() -> HeadConfig:
    return tiny_head()


def tiny_head() -> HeadConfig:
    attention = TemporalSelfAttention.Config(inner_channels=16, heads=2)
    return HeadConfig(
        selector=TimestepSelector.Config(kernels=8, attention=attention),
        classifier=VideoClassifier.Config(embed_channels=16, attention=attention, hidden_channels=16),
    )


@pytest.fixture
def networks_config() -> NetworksConfig:
    return tiny_networks()


def tiny_networks() -> NetworksConfig:
    """Networks small enough to train in a test; random weights, since quality is not what tests ask for."""
    return NetworksConfig(
        light=LightNet.Config(name="mobilenetv3_small_050", weights="random", size=32),
        heavy=HeavyNet.Config(name="mobilenetv3_small_050", weights="random", size=32, frames=2),
    )


@pytest.fixture
def model_config(networks_config: NetworksConfig, head_config: HeadConfig) -> ModelConfig:
    torch.manual_seed(0)
    return ModelConfig(
        networks=networks_config, head=head_config, classes=CLASSES, multi_label=False, timesteps=8
    )


def tiny() -> SyntheticConfig:
    return SyntheticConfig(
        train_videos=10,
        validation_videos=4,
        test_videos=4,
        classes=2,
        one_actions=4,
        actions_per_class=2,
        twin_classes=0,
        evidence_share=0.3,
        min_seconds=8,
        max_seconds=11,
        size=32,
    )


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Eighteen short videos of two classes."""
    folder = tmp_path_factory.mktemp("dataset")
    rows = [write_synthetic_video(video, tiny(), folder) for video in plan_dataset(tiny())]
    path = folder / "manifest.parquet"
    write_manifest(path, rows, classes=class_names(tiny()), multi_label=False)
    return read_manifest(path)


@pytest.fixture(scope="session")
def tiny_run(dataset: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Options of a run on that dataset which takes seconds, as a JSON file."""
    config = TrainConfig(
        manifest=dataset.path,
        name="like",
        networks=tiny_networks(),
        head=tiny_head(),
        sparsity=SparsityConfig(target_timesteps=2),
        # In so few steps weights must move at once.
        optimisation=OptimisationConfig(
            epochs=2, batch_size=4, optimizer="adamw", average=0.0, schedule="constant"
        ),
        timesteps=4,
    )
    path = tmp_path_factory.mktemp("like") / "like.json"
    write_json(path, to_dict(config))
    return path


@pytest.fixture
def repository() -> Path:
    return Path(__file__).parent.parent
