"""The page of an explanation in a person's browser: pictures show, dots lead to them, and nothing is fetched."""

from pathlib import Path

import pytest
import torch

from epitoma.datasets.manifest import Manifest
from epitoma.inference.explanation import explain
from epitoma.inference.predictor import Predictor
from epitoma.models.videoepitoma import ModelConfig, build_model
from epitoma.reporting.explanation_page import explanation_page
from tests.browser.chromium import open_browser

pytestmark = pytest.mark.browser


def test_the_page_stands_by_itself(model_config: ModelConfig, dataset: Manifest, tmp_path: Path):
    predictor = Predictor(build_model(model_config).eval(), model_config, device=torch.device("cpu"))
    explanation = explain(predictor, dataset.resolved_paths()[0], budget=3)
    sheets = dict.fromkeys(range(8), explanation.pictures_THWC[0])
    file = tmp_path / "explanation.html"
    file.write_text(explanation_page(explanation, name="tea & <b>cake</b>.mp4", sheets=sheets))
    asked, complaints = [], []
    with open_browser() as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(file.as_uri())
        assert page.title() == "epitoma: tea & <b>cake</b>.mp4"
        assert page.locator("h1").inner_text() == "tea & <b>cake</b>.mp4"
        assert page.locator(".taken").count() == 3
        assert page.locator(".dropped").count() == 5
        sizes = page.evaluate("[...document.images].map(image => image.naturalWidth)")
        assert len(sizes) > 8
        assert min(sizes) > 0
        page.locator("svg a").nth(1).click()
        assert page.url.endswith(f"#t{explanation.chosen.timesteps[1]}")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
