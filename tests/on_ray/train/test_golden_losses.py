"""Two short runs, from features and from pixels, come to the very numbers that they came to before."""

import platform
from hashlib import sha256
from pathlib import Path

import av
import pytest
import torch

from epitoma.files.json_files import read_json

COMPARED = (
    "epoch",
    "train/loss",
    "train/accuracy",
    "train/timesteps",
    "validation/score",
    "validation/timesteps",
)
ANOTHER_MACHINE = 1e-3
"""How far sums may differ, relatively, where another processor or library adds them up in another order."""


def machine() -> dict[str, str]:
    """What decides about the last bits."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.is_file() else []
    flags = next((line for line in lines if line.startswith("flags")), "unknown")
    return {
        "torch": torch.__version__,
        "av": av.__version__,
        "processor": f"{platform.machine()} {sha256(flags.encode()).hexdigest()[:12]}",
    }


def losses(run: Path) -> list[dict[str, float]]:
    return [
        {name: row[name] for name in COMPARED if name in row}
        for row in read_json(run / "history.json")["epochs"]
    ]


@pytest.mark.parametrize("source", ["features", "pixels"])
def test_a_run_has_the_losses_that_it_had(source, trained_run, hurt, golden):
    """The one from pixels was killed and resumed in between, which makes no difference."""
    run = {"features": trained_run, "pixels": hurt.folder}[source]
    found = {"machine": machine(), "epochs": losses(run)}
    kept = golden.values(f"losses_{source}", found)
    if kept["machine"] == found["machine"]:
        assert found["epochs"] == kept["epochs"], "bit for bit"
    # Counts of ten videos jump where one of them changes its class, so elsewhere losses alone are compared.
    now, before = ([row["train/loss"] for row in each["epochs"]] for each in (found, kept))
    assert now == pytest.approx(before, rel=ANOTHER_MACHINE)
