"""Processes are cheap to start: what each kind imports, counted in modules, since seconds say more of the machine."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMPILER = {"torch._dynamo", "torch._inductor", "sympy"}
NETWORKS_OF_OTHERS = {"timm", "torchvision"}
REPORTS = {"mlflow", "matplotlib", "torchmetrics", "optuna", "tyro"}
ONLY_SOME_COMPUTE = COMPILER | NETWORKS_OF_OTHERS | {"mlflow", "torchmetrics"}

HELP = "import sys; sys.argv = ['epitoma', '--help']; from ray_jobs.cli import main; main()"
DECODER = "import epitoma.on_ray.decode.decoding, epitoma.on_ray.decode.sparse_decoding, epitoma.on_ray.decode.indexing"
COMPUTER = """
import epitoma.on_ray.predict.stages, epitoma.on_ray.predict.features
import torch
from epitoma.models.videoepitoma import Networks, NetworksConfig
from epitoma.models.light_net import LightNet
from epitoma.models.heavy_net import HeavyNet
config = NetworksConfig(
    light=LightNet.Config(name="tiny", weights="random"),
    heavy=HeavyNet.Config(name="i3d", weights="random", size=32),
)
networks = Networks(config).eval()
frames = torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8)
assert networks.light(frames).shape == (1, 2, 32)
"""
JOBS = "; ".join(
    f"import ray_jobs.{job}"
    for job in ("prepare", "extract", "train", "evaluate", "predict", "report", "sweep")
)


def imported(code: str) -> set[str]:
    """Every module that a fresh process has after some code."""
    told = f"{code}\nimport sys\nprint('modules', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.long
@pytest.mark.parametrize(
    ("code", "most", "without"),
    [
        (HELP, 300, {"torch", "ray", "numpy", "pyarrow"} | NETWORKS_OF_OTHERS | REPORTS),
        (DECODER, 1750, {"torch", "scipy", "ray.train", "ray.tune"} | NETWORKS_OF_OTHERS | REPORTS),
        (COMPUTER, 2800, {"ray.train", "ray.tune"} | COMPILER | NETWORKS_OF_OTHERS | REPORTS),
        (JOBS, 3600, ONLY_SOME_COMPUTE),
    ],
    ids=["help", "decoder", "computer", "jobs"],
)
def test_a_process_imports_what_it_needs(code, most, without):
    modules = imported(code)
    assert modules & without == set()
    assert len(modules) <= most


def test_a_heavy_import_would_be_noticed():
    assert {"sqlite3", "sqlite3.dbapi2"} <= imported("import sqlite3") - imported("pass")
