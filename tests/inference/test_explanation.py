"""An explanation says what the model went by, and its page says it without help from anywhere."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from epitoma.core.errors import ConfigError
from epitoma.core.selection import all_valid
from epitoma.datasets.manifest import Manifest
from epitoma.inference.explanation import Explanation, explain
from epitoma.inference.predictor import Predictor
from epitoma.models.standardise import standardised
from epitoma.models.videoepitoma import ModelConfig, build_model
from epitoma.reporting.explanation_page import explanation_page
from epitoma.reporting.plots import explanation_figure
from tests.inference.test_predictor import all_pixels


@pytest.fixture
def predictor(model_config: ModelConfig) -> Predictor:
    return Predictor(build_model(model_config).eval(), model_config, device=torch.device("cpu"))


@pytest.fixture
def explanation(predictor: Predictor, dataset: Manifest) -> Explanation:
    return explain(predictor, dataset.resolved_paths()[0], budget=3)


def test_it_is_what_the_whole_model_says_of_all_pixels(
    predictor, dataset: Manifest, model_config, explanation
):
    pixels = all_pixels(dataset.resolved_paths()[0], model_config)
    with torch.inference_mode():
        chosen = predictor.model(pixels, budget=3)
        dense = predictor.model(pixels, open_BT=torch.ones(1, 8, dtype=torch.bool))
    gate_T = chosen.selection.gate_BT[0].numpy()
    assert explanation.alpha_T == pytest.approx(chosen.selection.alpha_BT[0].numpy(), abs=1e-5)
    assert explanation.kept_T.tolist() == (gate_T == 1).tolist()
    assert tuple(np.flatnonzero(explanation.kept_T)) == explanation.chosen.timesteps
    dense_L = dense.logits_BL[0].softmax(dim=0).tolist()
    told = [explanation.dense.scores[name] for name in model_config.classes]
    assert told == pytest.approx(dense_L, abs=1e-5)
    assert explanation.dense.gmacs > explanation.chosen.gmacs / 8 * 3
    assert explanation.dense.milliseconds["light"] == 0 < explanation.chosen.milliseconds["light"]


def test_kernels_stand_out_where_they_are_more_similar_than_elsewhere_in_the_video(explanation):
    assert explanation.concept_TN.shape == (8, 8)
    assert explanation.concept_TN.mean(axis=0) == pytest.approx(np.zeros(8), abs=1e-5)
    first, second, *_ = explanation.strongest_kernels(2)
    assert explanation.concept_TN[2, first] == explanation.concept_TN[2].max()
    assert explanation.concept_TN[2, first] >= explanation.concept_TN[2, second]
    assert standardised(torch.ones(2, 3), all_valid(2, 3)).T.tolist() == [[0, 0]] * 3


def test_the_page_shows_every_candidate_once_and_asks_nobody_for_anything(explanation):
    sheet = np.zeros((4, 8, 3), np.uint8)
    kernel = explanation.strongest_kernels(explanation.chosen.timesteps[0])[0]
    text = explanation_page(explanation, name="<script>tea & cake", sheets={kernel: sheet})
    assert text.count('<figure class="taken"') == 3
    assert text.count('<figure class="dropped"') == 5
    assert text.count('class="sheet"') == 1
    assert "<script" not in text
    assert "&lt;script&gt;tea &amp; cake" in text
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", text)
    assert "http://" not in text
    assert "https://" not in text


def test_costs_are_compared_where_there_is_something_to_save(explanation):
    """All timesteps take no LightNet: a share of nothing would be any number."""
    text = explanation_page(explanation, name="tea")
    (row,) = re.findall(r"<tr><td>ms of light</td>(.*?)</tr>", text)
    assert re.fullmatch(r"<td>[\d.e-]+</td><td>0</td><td></td>", row)
    shares = [int(share) for share in re.findall(r"<td>(-?\d+)%</td>", text)]
    assert len(shares) == 4
    assert min(shares) > -1000


def test_times_are_told_of_warm_networks(predictor, dataset: Manifest, monkeypatch):
    """The first pass of a process takes several times as long, whatever is selected."""
    passes: list[str] = []
    for name in ("predict", "predict_dense", "predict_with_details"):
        whole = getattr(predictor, name)

        def noted(*args, name=name, whole=whole, **options):
            passes.append(name)
            return whole(*args, **options)

        monkeypatch.setattr(predictor, name, noted)
    explained = explain(predictor, dataset.resolved_paths()[0], budget=3)
    assert passes[0] == "predict"
    assert passes[-2:] == ["predict_dense", "predict_with_details"]
    assert explained.chosen.milliseconds["light"] > 0


def test_the_figure_is_drawn(explanation, tmp_path: Path):
    explanation_figure(explanation, tmp_path / "explanation.png", title="tea")
    assert (tmp_path / "explanation.png").stat().st_size > 10_000


def test_without_a_selector_there_is_nothing_to_explain(predictor, dataset: Manifest):
    predictor.config = replace(predictor.config, has_selector=False)
    with pytest.raises(ConfigError, match="no choice to explain"):
        explain(predictor, dataset.resolved_paths()[0])
