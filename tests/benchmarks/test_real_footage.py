"""The whole benchmark on clips of three colours, small enough for a test."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks.real_footage import RealFootageConfig, by_way, judged, run, told_accuracy
from epitoma.core.errors import EpitomaError
from epitoma.core.selection import Recognition
from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.models.videoepitoma import NetworksConfig, selection_from_mask
from epitoma.training.feature_batches import FeatureSplit
from tests.benchmarks.coloured_clips import write_coloured_clips


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_coloured_clips(tmp_path / "clips", frames=4)


def config_of(clips: Path, folder: Path, networks: NetworksConfig) -> RealFootageConfig:
    return RealFootageConfig(
        clips=clips,
        filler="nothing",
        json=folder / "out" / "real.json",
        figure=folder / "real.png",
        work=folder / "work",
        seeds=(0,),
        train_videos=6,
        validation_videos=4,
        test_videos=4,
        evidence_share=0.3,
        min_seconds=4,
        max_seconds=5,
        timesteps=8,
        train_timesteps=6,
        target_timesteps=2,
        epochs=4,
        networks=networks,
    )


@pytest.mark.slow
def test_every_sampling_at_every_number_of_timesteps(ray_cluster, clips, tmp_path, networks_config, capsys):
    config = config_of(clips, tmp_path, networks_config)
    run(config)
    printed = capsys.readouterr().out
    cells = json.loads((tmp_path / "out" / "real.json").read_text())
    expected = {(sampling, k) for sampling in ("selector", "uniform", "random") for k in (1, 2, 4, 8)}
    assert {(cell["sampling"], cell["timesteps"]) for cell in cells} == {*expected, ("dense", 8)}
    assert all(set(cell) == {"sampling", "timesteps", "mean", "std"} for cell in cells)
    assert all(0 <= cell["mean"] <= 1 and cell["std"] >= 0 for cell in cells)
    assert (tmp_path / "real.png").read_bytes().startswith(b"\x89PNG")
    assert all(f"| {name} |" in printed for name in ("selector", "uniform", "random", "dense", "told"))


def point(sampling: str, budget: int, score: float, classifier: str = "own") -> TradeoffPoint:
    return TradeoffPoint(
        sampling=sampling,
        classifier=classifier,
        candidates=32,
        budget=budget,
        timesteps=float(budget),
        score=score,
        gmacs_light=0.0,
        gmacs_heavy=1.0,
        gmacs_classifier=0.0,
        selection_precision=0.5,
    )


def test_the_classifier_is_chosen_on_validation_and_never_on_test():
    validation = {
        "own": [point("selector", 2, 0.1), point("uniform", 2, 0.4), point("gate", 3, 0.9)],
        "dense": [point("uniform", 2, 0.6, "reference")],
    }
    test = {
        "own": [point("selector", 2, 0.2), point("uniform", 2, 0.9), point("gate", 3, 0.9)],
        "dense": [point("uniform", 2, 0.3, "reference")],
    }
    selector, uniform = judged(validation, test)
    assert (selector["classifier"], selector["test"]) == ("own", 0.2)
    assert (uniform["classifier"], uniform["validation"], uniform["test"]) == ("dense", 0.6, 0.3)
    assert ("gate", 3) not in by_way(test["own"])


@pytest.fixture
def features_of_evidence():
    """A model that names the class of the one timestep that it is shown, or is wrong where that is filler."""
    labels_V = torch.tensor([0, 1, 1, 0])
    evidence_VT = torch.zeros(4, 4, dtype=torch.bool)
    evidence_VT[torch.arange(4), torch.tensor([1, 3, 2, 1])] = True
    evidence_VT[:, 0] = True
    heavy_VTC = torch.where(evidence_VT, torch.where(labels_V[:, None] == 1, 1.0, -1.0), torch.tensor(0.0))
    wrong_VT = torch.where(evidence_VT, 0.0, torch.where(labels_V[:, None] == 1, -9.0, 9.0))
    split = FeatureSplit(
        video_ids=list("abcd"),
        light_VTC=torch.zeros(4, 4, 1),
        heavy_VTC=(heavy_VTC + wrong_VT)[..., None],
        labels_VL=torch.eye(2)[labels_V],
    )

    def model(candidates, *, open_BT):
        total_B = (candidates.heavy_BTC.squeeze(-1) * open_BT).sum(dim=1)
        return Recognition(
            logits_BL=torch.stack([-total_B, total_B], dim=1),
            selection=selection_from_mask(open_BT, candidates.valid_BT),
        )

    return model, split, evidence_VT


def test_what_is_told_keeps_evidence_first(features_of_evidence):
    model, split, evidence_VT = features_of_evidence
    assert told_accuracy(model, split, evidence_VT, seed=0)[2] == 1.0


def test_bad_input_names_itself(ray_cluster, tmp_path, networks_config):
    with pytest.raises(EpitomaError, match="no such folder"):
        run(config_of(tmp_path / "gone", tmp_path, networks_config))
