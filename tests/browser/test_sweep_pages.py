"""A sweep looked at as a person would: MLflow's comparison and its curves, and Ray's dashboard, in Chromium."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.browser.chromium import open_browser
from tests.door import Door
from tests.made_sweeps import Swept, children, mlflow_run

pytestmark = [pytest.mark.browser, pytest.mark.long]
BUDGETS = (1, 2, 4)


@pytest.fixture
def trials(swept: Swept, sweep_door: Door) -> dict[str, str]:
    """Runs of the trials, by name."""
    runs = children(sweep_door, swept.config)
    return {trial.trial: runs[trial.trial].info.run_id for trial in swept.result.trials}


@pytest.fixture
def experiment(swept: Swept, sweep_door: Door) -> str:
    return mlflow_run(sweep_door, swept.config.name).info.experiment_id


def in_address(value: object) -> str:
    return quote(json.dumps(value))


def test_the_comparison_shows_the_runs_and_their_curves(sweep_door, experiment, trials, tmp_path):
    assert len(trials) == 2
    chosen = f"runs={in_address(list(trials.values()))}&experiments={in_address([experiment])}"
    with open_browser() as page:
        page.goto(f"{sweep_door.uri}/#/compare-runs?{chosen}")
        for name in trials:
            page.get_by_text(name).first.wait_for()
        page.get_by_text("sparsity.target_timesteps").first.wait_for()
        page.get_by_text("tradeoff/accuracy", exact=False).first.wait_for()
        metric = in_address("tradeoff/accuracy")
        curves_of = f"metric={metric}&plot_metric_keys={in_address(['tradeoff/accuracy'])}&x_axis=step"
        page.goto(f"{sweep_door.uri}/#/metric?{chosen}&{curves_of}")
        for name in trials:
            page.get_by_text(f"{name} (tradeoff/accuracy)").first.wait_for()
        page.wait_for_function(f"document.querySelectorAll('.js-line').length >= {len(trials)}")
        table = page.get_by_role("row")
        for name in trials:
            assert table.filter(has_text=name).filter(has_text=f"step={BUDGETS[-1]}").count() == 1
        page.screenshot(path=tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_the_sweeps_own_page_shows_the_front_and_links_to_the_trials(swept, sweep_door, experiment, trials):
    parent = mlflow_run(sweep_door, swept.config.name)
    with open_browser() as page:
        page.goto(f"{sweep_door.uri}/#/experiments/{experiment}/runs/{parent.info.run_id}")
        page.get_by_text("Front of 2 trials").first.wait_for()
        for run in trials.values():
            link = page.locator(f"a[href*='{run}']").first
            link.wait_for()
            assert run in link.get_attribute("href")
        page.goto(
            f"{sweep_door.uri}/#/experiments/{experiment}/runs/{parent.info.run_id}/artifacts/front.png"
        )
        page.get_by_text("front.png").first.wait_for()
        page.wait_for_function("[...document.images].some(image => image.naturalWidth > 500)")


@pytest.mark.slow
@pytest.mark.dashboard
def test_rays_dashboard_asks_for_the_token_and_shows_the_trials_actors(ray_cluster, swept):
    token = (Path.home() / ".ray" / "auth_token").read_text().strip()
    with open_browser() as page:
        page.goto(f"{ray_cluster}/#/actors")
        page.get_by_placeholder("Enter your authentication token").fill(token)
        page.get_by_role("button", name="Submit").click()
        actor = page.get_by_text("feature_trial").first
        actor.wait_for()
        assert actor.is_visible()
