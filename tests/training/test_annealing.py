"""Parts that change in the course of training are told how much of it is done, also where a run goes on."""

from contextlib import suppress
from pathlib import Path

import pytest
from torch import nn

from epitoma.training.context import LocalContext
from epitoma.training.events import StepDone
from tests.training.synthetic_features import make_config, make_loop, make_split

SPLITS = make_split(96, seed=1), make_split(20, seed=2)
STEPS = 3 * 4
"""Of 32 videos each: three in each of four epochs."""


class Told(nn.Module):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[float] = []

    def anneal(self, progress: float) -> None:
        self.heard.append(progress)


class StoppedError(Exception):
    pass


class Stopping(LocalContext):
    """Stops within the third epoch."""

    def emit(self, event):
        super().emit(event)
        if isinstance(event, StepDone) and (event.epoch, event.step) == (2, 2):
            raise StoppedError


def trained(context: LocalContext, folder: Path) -> list[float]:
    config = make_config(folder, optimisation={"epochs": 4, "validate_every": 1})
    loop = make_loop(config, *SPLITS, context)
    told = Told()
    # Anywhere in a part.
    loop.module.selector.add_module("told", told)
    with suppress(StoppedError):
        loop.run()
    return told.heard


def test_every_step_is_told_the_share_that_is_done_before_it(tmp_path: Path):
    assert trained(LocalContext(tmp_path), tmp_path) == pytest.approx([n / STEPS for n in range(STEPS)])


def test_a_run_that_goes_on_is_told_where_it_goes_on(tmp_path: Path):
    before = trained(Stopping(tmp_path / "cut"), tmp_path)
    after = trained(LocalContext(tmp_path / "cut"), tmp_path)
    assert before == pytest.approx([n / STEPS for n in range(8)])
    # The last checkpoint is that of the second epoch's end.
    assert after == pytest.approx([n / STEPS for n in range(6, STEPS)])
