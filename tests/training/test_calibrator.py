"""A calibrated threshold keeps the target in the mean, by the very ranking that inference compares with it."""

from pathlib import Path

import pytest
import torch

from epitoma.training.calibrator import Calibrator
from epitoma.training.context import LocalContext
from epitoma.training.sparsity import SparsityConfig
from epitoma.training.validator import Validator
from tests.training.synthetic_features import make_config, make_loop, make_split


@pytest.mark.parametrize("target", [7, 12, 16])
def test_the_target_is_met_on_the_split_it_was_set_on(tmp_path: Path, target: int):
    config = make_config(tmp_path, sparsity=SparsityConfig(target_timesteps=target))
    split = make_split(200, seed=2)
    loop = make_loop(config, make_split(64, seed=1), split, LocalContext(tmp_path))
    validator = Validator(loop.module, loop.config, loop.context)
    Calibrator(loop.module.gating, loop.config).calibrate(validator.validate(loop.source.validation()))
    with torch.inference_mode():
        kept = loop.module(split.candidates).selection.count_B.double().mean()
    assert float(kept) == pytest.approx(target, abs=0.02)


def test_without_a_target_the_threshold_is_the_papers(tmp_path: Path):
    config = make_config(tmp_path, sparsity=SparsityConfig(mode="l0_weight"))
    loop = make_loop(config, make_split(64, seed=1), make_split(20, seed=2), LocalContext(tmp_path))
    loop.module.gating.set_threshold(1.5)
    Calibrator(loop.module.gating, loop.config).calibrate(loop.validator.validate(loop.source.validation()))
    assert (float(loop.module.gating.open_threshold), float(loop.module.gating.best_share)) == (0.0, 0.0)
