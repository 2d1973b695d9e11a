"""The experiment on networks and videos that are tiny: each arm trains what it says, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.end_to_end.arms import ARMS, DetachedClassifier
from benchmarks.end_to_end.measure import KEPT, Experiment, Row, measure, started, trained, tuned_networks
from benchmarks.end_to_end.memory import PixelVideos, decode_split
from benchmarks.end_to_end.report import ahead, markdown
from epitoma.models.gating import logistic_noise
from epitoma.models.videoepitoma import VideoEpitoma
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.sparsity import SparsityConfig
from tests.conftest import tiny_head, tiny_networks

TIMESTEPS = 8


def videos(count: int, seed: int) -> PixelVideos:
    """Two classes, red and blue in two of eight timesteps."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=count)
    frames_VTHWC = rng.integers(0, 60, (count, TIMESTEPS, 32, 32, 3), dtype=np.uint8)
    evidence_VT = np.zeros((count, TIMESTEPS), dtype=bool)
    for video, label in enumerate(labels):
        places = rng.permutation(TIMESTEPS)[:2]
        evidence_VT[video, places] = True
        frames_VTHWC[video, places, :, :, 2 * label] = 220
    return PixelVideos(
        video_ids=[f"{seed}-{number}" for number in range(count)],
        light_VTHWC=frames_VTHWC,
        heavy_VTHWC=frames_VTHWC,
        labels_VL=torch.eye(2)[labels],
        evidence_VT=torch.from_numpy(evidence_VT),
    )


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    networks = tiny_networks()
    networks.heavy.frames = 1
    steps = OptimisationConfig(epochs=1, batch_size=8, network_learning_rate=1e-3)
    return Experiment(
        splits={"train": videos(24, 1), "validation": videos(12, 2), "test": videos(12, 3)},
        networks=networks,
        heads={"tiny": tiny_head()},
        sparsity=SparsityConfig(budgets=(2, 4), target_timesteps=4),
        candidates=6,
        tuning=steps,
        starting=replace(steps, epochs=2),
        training=steps,
    )


@pytest.fixture(scope="module")
def start(experiment: Experiment) -> VideoEpitoma:
    return started(experiment, tiny_head(), tuned_networks(experiment, 0), 0)


def moved(before: torch.nn.Module, after: torch.nn.Module) -> bool:
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    return any(not torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_trains_what_it_says(experiment: Experiment, start: VideoEpitoma, name: str):
    arm = ARMS[name]
    model = trained(experiment, tiny_head(), start, arm, 0)
    found = {
        "light": moved(start.networks.light, model.networks.light),
        "heavy": moved(start.networks.heavy, model.networks.heavy),
        "selector": moved(start.selector, model.selector),
        "classifier": moved(start.classifier, model.classifier),
    }
    assert found == {"light": arm.light, "heavy": arm.heavy, "selector": arm.selector, "classifier": True}


def test_detached_gates_hear_nothing_of_what_comes_of_them(experiment: Experiment, start: VideoEpitoma):
    pixels = experiment.splits["test"].candidates(range(4), np.tile(np.arange(TIMESTEPS), (4, 1)))
    noise_BT = logistic_noise((4, TIMESTEPS), generator=torch.Generator().manual_seed(0))
    for detached in (False, True):
        model = start.requires_grad_(True)
        if detached:
            config = DetachedClassifier.Config(**vars(tiny_head().classifier))
            model.classifier = DetachedClassifier(config, channels=32, classes=2)
        model.zero_grad()
        model(pixels, noise_BT=noise_BT, budget=4).logits_BL.square().sum().backward()
        gradient = model.selector.mlp[-1].weight.grad
        assert (gradient is None or not gradient.any()) is detached


@pytest.mark.long
def test_a_seed_has_every_arm_and_both_swaps_at_every_number(experiment: Experiment):
    rows = measure(experiment, 0)
    arms = ["start", *ARMS, "all's selector before frozen", "frozen's selector before all"]
    assert [(row.arm, row.timesteps) for row in rows] == [(arm, kept) for arm in arms for kept in KEPT]
    assert all(0 <= row.accuracy <= 1 and 0 <= row.precision <= 1 for row in rows)
    assert "| all |" in markdown(rows)


def rows_of_seeds(all_scores: tuple[float, ...], others: tuple[float, ...]) -> list[Row]:
    """The arm ``all`` with the one accuracy at each seed, all others with the other."""
    scores = {"all": all_scores, **dict.fromkeys(("detached", "heavy_only", "frozen", "start"), others)}
    return [
        Row(head="tiny", arm=arm, seed=seed, timesteps=kept, accuracy=score, precision=0.5, validation=score)
        for arm, of_seeds in scores.items()
        for seed, score in enumerate(of_seeds)
        for kept in KEPT
    ]


def test_differences_are_paired_over_seeds():
    rows = rows_of_seeds((0.7, 0.9), (0.6, 0.78))
    assert ahead(rows, "all", "detached") == (pytest.approx(0.11), pytest.approx(0.01))
    assert ahead(rows, "all", "detached", "precision") == (0, 0)


@pytest.mark.parametrize(
    ("others", "told"),
    [((0.6, 0.78), "| +0.110 +- 0.010 | +0.000 +- 0.000 | yes |"), ((0.6, 0.98), "| **no** |")],
)
def test_a_claim_has_shown_where_it_holds_by_two_standard_errors(others: tuple[float, ...], told: str):
    claims = [
        line for line in markdown(rows_of_seeds((0.7, 0.9), others)).splitlines() if "all above" in line
    ]
    assert len(claims) == 4
    assert all(line.endswith(told) for line in claims)


def test_one_seed_has_no_error_and_shows_nothing():
    claims = [line for line in markdown(rows_of_seeds((0.7,), (0.6,))).splitlines() if "all above" in line]
    assert all(line.endswith("| +0.100 | +0.000 | **no** |") for line in claims)


def test_what_is_in_memory_is_what_was_decoded(dataset):
    split = dataset.split("test")
    decoded = decode_split(split, timesteps=20, light=16, heavy=24)
    assert decoded.light_VTHWC.shape == (4, 20, 16, 16, 3)
    assert decoded.heavy_VTHWC.shape == (4, 20, 24, 24, 3)
    assert decoded.video_ids == split.video_ids
    assert decoded.evidence_VT.any(dim=1).all()
