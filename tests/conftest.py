"""Fixtures shared by all tests: small models and features, made from seeds."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.classifier import VideoClassifier
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.selector import TimestepSelector
from epitoma.models.videoepitoma import HeadConfig, ModelConfig, NetworksConfig

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
    attention = TemporalSelfAttention.Config(inner_channels=16, heads=2)
    return HeadConfig(
        selector=TimestepSelector.Config(kernels=8, attention=attention),
        classifier=VideoClassifier.Config(embed_channels=16, attention=attention, hidden_channels=16),
    )


@pytest.fixture
def networks_config() -> NetworksConfig:
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


@pytest.fixture
def repository() -> Path:
    return Path(__file__).parent.parent
