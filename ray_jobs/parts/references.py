"""Reference classifiers that a sweep trains without a selector, so that uniform sampling is compared at its best."""

from typing import Any

import ray

from epitoma.on_ray.cluster.placement import task_for
from epitoma.on_ray.tune.trials import TrialWork, reference_trial
from epitoma.reporting.console import phase
from epitoma.sweeps.trial import has_result
from ray_jobs.parts.sweep_watcher import SweepWatcher

REFERENCE_TRIALS: dict[str, dict[str, Any]] = {
    "uniform_dense": {"selection": "dense", "sparsity.mode": "none"},
    "uniform_random": {"selection": "random", "sparsity.mode": "none"},
}
"""Names and settings of the reference classifiers: trained on all timesteps, and on random subsets."""


def train_references(work: TrialWork, watcher: SweepWatcher) -> None:
    """Train the reference classifiers without a result, in parallel, each as an MLflow run nested in the sweep's."""
    missing = {
        name: changes for name, changes in REFERENCE_TRIALS.items() if not has_result(work.folder / name)
    }
    if not missing:
        return
    with phase("train classifiers for uniform sampling", unit="classifiers") as advance:
        trackers = {name: watcher.tracker(name) for name in missing}
        for name, changes in missing.items():
            trackers[name].status("RUNNING")
            trackers[name].params({**watcher.base, **work.fixed, **changes, "name": name})
        placed = task_for("train", reference_trial, max_retries=1)
        waiting = {placed.remote(work, name, {**work.fixed, **missing[name]}): name for name in missing}
        while waiting:
            (done,), _ = ray.wait(list(waiting))
            name = waiting.pop(done)
            ray.get(done)
            watcher.log_result(trackers[name], work.folder / name)
            trackers[name].status("FINISHED")
            advance(len(missing) - len(waiting), len(missing))
