"""Which tradeoffs of a sweep are confirmed, and how well the ranking held."""

from dataclasses import replace
from pathlib import Path

import pytest

from epitoma.models.speed import Speed
from epitoma.sweeps.result import SweepResult
from epitoma.training.run_config import TrainConfig
from ray_jobs.evaluate import evaluation_of
from ray_jobs.parts.confirm import best_points, rank_correlation
from tests.sweeps.test_result import selector, trial


def rows(cheap: list[float], dear: list[float]) -> list[dict[str, float]]:
    return [{"features_score": a, "pixels_score": b} for a, b in zip(cheap, dear, strict=True)]


def test_the_rank_correlation_is_spearmans():
    assert rank_correlation(rows([0.1, 0.5, 0.9], [0.2, 0.21, 0.8])) == pytest.approx(1.0, abs=1e-5)
    assert rank_correlation(rows([0.1, 0.5, 0.9], [0.8, 0.21, 0.2])) == pytest.approx(-1.0, abs=1e-5)
    one_swapped = 1 - 6 * (1 + 1) / (4 * (4**2 - 1))
    assert rank_correlation(rows([0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.3, 0.4])) == pytest.approx(
        one_swapped, abs=1e-5
    )


@pytest.mark.parametrize("dear", [[0.5], [0.5, 0.5]])
def test_there_is_no_rank_where_nothing_differs(dear):
    assert rank_correlation(rows([0.1, 0.2][: len(dear)], dear)) is None


def test_a_confirmed_trial_is_evaluated_as_it_was_trained(tmp_path: Path):
    run = TrainConfig(
        manifest=tmp_path / "manifest.parquet",
        name="sweep_confirm_a",
        runs=tmp_path / "runs",
        features=tmp_path / "elsewhere",
        max_reject_share=0.2,
        gpu="false",
        speed=Speed(precision="bf16"),
    )
    evaluation = evaluation_of(run, split="validation")
    assert (evaluation.run, evaluation.manifest, evaluation.split) == (run.folder, run.manifest, "validation")
    assert (evaluation.features, evaluation.max_reject_share) == (tmp_path / "elsewhere", 0.2)
    assert (evaluation.gpu, evaluation.speed) == ("false", Speed(precision="bf16"))


def test_the_knee_comes_first_then_the_front_then_the_others():
    def offers(name: str, score: float, gmacs: float):
        gate = replace(selector(2, score / 2, gmacs), sampling="gate")
        points = [selector(2, score, gmacs), gate]
        return trial(name, points, points)

    names = {"cheap": (0.3, 2), "knee": (0.8, 3), "best": (0.9, 9), "poor": (0.1, 8)}
    trials = [offers(name, score, gmacs) for name, (score, gmacs) in names.items()]
    best = best_points(SweepResult(trials=trials, references=[]), 4)
    assert list(best) == ["knee", "best", "cheap", "poor"]
    assert best["best"].sampling == "selector", "the tradeoff that it is on the front for"
    assert best["poor"].sampling == "gate", "its own, where it is not on the front"
    assert list(best_points(SweepResult(trials=trials, references=[]), 2)) == ["knee", "best"]
