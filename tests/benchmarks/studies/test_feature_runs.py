"""Every setting of the ablation and of figure 6 trains and is read by its study."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.studies.feature_runs import FeatureData, feature_data, run_all
from benchmarks.studies.variants import ablation_runs, conditioned_runs
from epitoma.datasets.manifest import Manifest
from epitoma.models.videoepitoma import Networks
from epitoma.studies.ablation import ablation
from epitoma.studies.class_ratios import figure6
from epitoma.studies.measured_run import read_measured
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.options import parse


@pytest.fixture
def features(ray_cluster, dataset: Manifest, tiny_run: Path, tmp_path: Path) -> FeatureData:
    config = parse(TrainConfig, ["--config", str(tiny_run), "--runs", str(tmp_path)], about="")
    config.head.selector.kernels = 16
    torch.manual_seed(0)
    networks = Networks(config.networks).eval()
    return feature_data(replace(config, features=tmp_path / "features"), dataset, networks)


@pytest.mark.slow
def test_every_setting_of_the_ablation_is_told_apart(features: FeatureData):
    asked = ablation_runs(features, (0, 1))
    rows = ablation([read_measured(folder) for folder in run_all("ablation", features, asked)])
    selected = [row for row in rows if (row.sampling, row.timesteps) == ("selector", 2)]
    assert len({row.setting for row in selected}) == len(selected) == len(asked) / 2
    assert {row.seeds for row in selected} == {2}
    assert {"anytime", "8 kernels", "the paper's"} <= {row.setting for row in selected}


@pytest.mark.slow
def test_every_setting_of_figure_6_trains_once(features: FeatureData):
    conditioned = run_all("conditioned", features, conditioned_runs(features, (0,)))
    study = figure6([read_measured(folder) for folder in conditioned])
    assert set(study.variances) == {"frame-conditioned", "context-conditioned"}
    before = [(folder / "whole").stat().st_mtime_ns for folder in conditioned]
    run_all("again", features, conditioned_runs(features, (0,)))
    assert [(folder / "whole").stat().st_mtime_ns for folder in conditioned] == before
