"""A sweep looked at as a person would: MLflow's comparison and its curves, and Ray's dashboard, in Chromium."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from mlflow import MlflowClient

from epitoma.config import to_dict
from epitoma.training.checkpoint import write_json
from ray_jobs.sweep import SweepConfig
from tests.browser.chromium import open_browser
from tests.mlflow_server import MlflowServer, free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
BUDGETS = (1, 2, 4)
SPACE = "from ray import tune\nSPACE = {'sparsity.target_timesteps': tune.grid_search([1, 2, 3])}\n"


@dataclass(frozen=True, kw_only=True)
class InSight:
    """A finished sweep whose pages can be opened."""

    config: SweepConfig
    mlflow: str
    dashboard: str


@pytest.fixture(scope="module")
def sweep(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InSight]:
    folder = tmp_path_factory.mktemp("in_sight")
    (folder / "space.py").write_text(SPACE)
    run = json.loads(tiny_run.read_text())
    config = SweepConfig(
        manifest=Path(run["manifest"]),
        name="seen",
        space=str(folder / "space.py"),
        like=tiny_run,
        runs=folder / "runs",
    )
    write_json(folder / "sweep.json", to_dict(config))
    server = MlflowServer(folder)
    server.start()
    port = free_port()
    command = [sys.executable, "-m", "tests.browser.sweep_in_sight", folder / "sweep.json", str(port)]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": server.uri}
    sweeping = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    for line in sweeping.stdout:
        if line.startswith("dashboard "):
            break
    else:
        pytest.fail(f"the sweep ended with {sweeping.wait()}")
    yield InSight(config=config, mlflow=server.uri, dashboard=f"http://{line.split()[1]}")
    sweeping.communicate(timeout=60)
    server.stop()


def trials_of(sweep: InSight) -> tuple[str, dict[str, str]]:
    """The experiment, and the runs of the trials by name."""
    client = MlflowClient(sweep.mlflow)
    experiment = client.get_experiment_by_name("epitoma").experiment_id
    runs = client.search_runs([experiment])
    names = {run.info.run_name: run.info.run_id for run in runs}
    return experiment, {
        name: run for name, run in names.items() if name not in ("seen", "uniform_dense", "uniform_random")
    }


def in_address(value: object) -> str:
    return quote(json.dumps(value))


def test_the_comparison_shows_the_runs_and_their_curves(sweep, tmp_path):
    experiment, trials = trials_of(sweep)
    assert len(trials) == 3
    chosen = f"runs={in_address(list(trials.values()))}&experiments={in_address([experiment])}"
    with open_browser() as page:
        page.goto(f"{sweep.mlflow}/#/compare-runs?{chosen}")
        for name in trials:
            page.get_by_text(name).first.wait_for()
        page.get_by_text("sparsity.target_timesteps").first.wait_for()
        page.get_by_text("tradeoff/accuracy", exact=False).first.wait_for()
        metric = in_address("tradeoff/accuracy")
        curves_of = f"metric={metric}&plot_metric_keys={in_address(['tradeoff/accuracy'])}&x_axis=step"
        page.goto(f"{sweep.mlflow}/#/metric?{chosen}&{curves_of}")
        for name in trials:
            page.get_by_text(f"{name} (tradeoff/accuracy)").first.wait_for()
        page.wait_for_function(f"document.querySelectorAll('.js-line').length >= {len(trials)}")
        table = page.get_by_role("row")
        for name in trials:
            assert table.filter(has_text=name).filter(has_text=f"step={BUDGETS[-1]}").count() == 1
        page.screenshot(path=tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_the_sweeps_own_page_shows_the_front_and_links_to_the_trials(sweep):
    experiment, trials = trials_of(sweep)
    client = MlflowClient(sweep.mlflow)
    (parent,) = client.search_runs([experiment], filter_string="attributes.run_name = 'seen'")
    with open_browser() as page:
        page.goto(f"{sweep.mlflow}/#/experiments/{experiment}/runs/{parent.info.run_id}")
        page.get_by_text("Front of 3 trials").first.wait_for()
        for run in trials.values():
            link = page.locator(f"a[href*='{run}']").first
            link.wait_for()
            assert run in link.get_attribute("href")
        page.goto(f"{sweep.mlflow}/#/experiments/{experiment}/runs/{parent.info.run_id}/artifacts/front.png")
        page.get_by_text("front.png").first.wait_for()
        page.wait_for_function("[...document.images].some(image => image.naturalWidth > 500)")


def test_rays_dashboard_asks_for_the_token_and_shows_the_trials_actors(sweep):
    token = (Path.home() / ".ray" / "auth_token").read_text().strip()
    with open_browser() as page:
        page.goto(f"{sweep.dashboard}/#/actors")
        page.get_by_placeholder("Enter your authentication token").fill(token)
        page.get_by_role("button", name="Submit").click()
        actor = page.get_by_text("feature_trial").first
        actor.wait_for()
        assert actor.is_visible()


def test_tune_and_tensorboard_have_their_outputs(sweep):
    tune = sweep.config.folder / "tune"
    for name in ("events.out.tfevents.*", "result.json", "progress.csv", "params.json"):
        assert len(list(tune.glob(f"*/{name}"))) == 3, name
