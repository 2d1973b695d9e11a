"""Trained models in MLflow's own form, for its tools to load, register and serve: safetensors, JSON, no pickle."""

import warnings
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa

import epitoma
from epitoma.core.registry import plugin_sources
from epitoma.files.atomic import folder_when_whole
from epitoma.inference.served import DEFAULTS
from epitoma.models.videoepitoma import ModelConfig
from epitoma.training.checkpoint import State, save_model

with warnings.catch_warnings():
    # MLflow warns of its own type hints while it is imported.
    warnings.simplefilter("ignore")
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Array, ColSpec, DataType, ParamSchema, ParamSpec, Schema

REQUIREMENTS = (
    "mlflow",
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "pandas",
    "pyarrow",
    "av",
    "requests",
    "safetensors",
    "dacite",
)
"""What a process needs that serves a model; the package itself lies in the model."""

_PACKAGE = Path(epitoma.__file__).parent

_LISTS = {
    "labels": DataType.string,
    "scores": DataType.double,
    "timesteps": DataType.long,
    "seconds": DataType.double,
    "alpha": DataType.double,
}
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.string, "path")]),
    outputs=Schema(
        [
            ColSpec(DataType.string, "path"),
            *(ColSpec(Array(kind), name) for name, kind in _LISTS.items()),
            ColSpec(DataType.long, "candidates"),
            ColSpec(DataType.double, "gmacs"),
            ColSpec(DataType.string, "error", required=False),
        ]
    ),
    params=ParamSchema(
        [
            ParamSpec("budget", DataType.long, DEFAULTS["budget"]),
            ParamSpec("top", DataType.long, DEFAULTS["top"]),
            ParamSpec("min_score", DataType.double, DEFAULTS["min_score"]),
        ]
    ),
)
EXAMPLE = pa.table({"path": ["video.mp4"]}).to_pandas()


def save_mlflow_model(folder: Path, *, config: ModelConfig, state: State) -> None:
    """Write a model that stands by itself, for us and for MLflow alike; the folder appears when it is whole.

    Args:
        folder: The model's; what was there before is replaced.
        config: From which it is built.
        state: The tensors of all its parts.
    """
    with folder_when_whole(folder) as aside:
        with warnings.catch_warnings():
            # MLflow compares tables in a way that pandas will change.
            warnings.simplefilter("ignore", DeprecationWarning)
            mlflow.pyfunc.save_model(
                aside,
                loader_module="epitoma.inference.served",
                code_paths=[str(each) for each in (_PACKAGE, *plugin_sources(config.plugin))],
                pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
                signature=SIGNATURE,
                input_example=EXAMPLE,
            )
        save_model(aside, config=config, state=state)
