"""Data that the trials of a sweep share: features of all splits, and the networks' GMACs and times."""

from collections.abc import Sequence
from pathlib import Path

from epitoma.core.config import to_dict
from epitoma.core.errors import ManifestError
from epitoma.cost.gmacs import networks_cost
from epitoma.cost.milliseconds import TimeModel, time_model_from
from epitoma.datasets.manifest import Manifest
from epitoma.evaluation.budgets import evidence_of
from epitoma.files.json_files import read_json, write_json
from epitoma.files.presence import is_file
from epitoma.models.videoepitoma import Networks
from epitoma.on_ray.tune.times import MOST_VIDEOS, times_on_worker
from epitoma.on_ray.tune.trials import SPLITS
from epitoma.reporting.console import phase
from epitoma.sweeps.trial import TrialData
from epitoma.training.feature_batches import feature_split
from epitoma.training.feature_store import read_features
from epitoma.training.run_config import TrainConfig
from ray_jobs.parts.extraction import extract_with

TIMES_FILE = "times.json"


def shared_data(base: TrainConfig, manifest: Manifest, networks: Networks) -> TrialData:
    """Read the features of all splits, extracted if they are not stored yet, with the networks' GMACs and times."""
    names = ["train", *(name for name in SPLITS if _has(manifest, name))]
    used = manifest.only([video for name in names for video in manifest.split(name).video_ids])
    networks.run_as(base.speed)
    extracted = extract_with(
        used,
        networks,
        timesteps=base.dense,
        root=base.feature_root,
        max_reject_share=base.max_reject_share,
        gpu=base.gpu,
    )
    stored = {name: read_features(extracted.folder, manifest.split(name)) for name in names}
    timed = manifest.only(stored["validation"].video_ids[:MOST_VIDEOS])
    frames = networks.heavy.input.frames
    return TrialData(
        splits={name: feature_split(stored[name], manifest.split(name)) for name in names},
        evidence={name: evidence_of(manifest.split(name), stored[name], frames) for name in names},
        each=networks_cost(networks),
        times=_times(base.folder / TIMES_FILE, networks, timed.resolved_paths(), candidates=base.dense),
        classes=manifest.classes,
        multi_label=manifest.multi_label,
    )


def _times(file: Path, networks: Networks, videos: Sequence[str], *, candidates: int) -> TimeModel:
    """Read or measure the times; measured once per sweep, so that trials after a resume use the same times."""
    if not is_file(file):
        with phase("measure networks and decoding") as advance:
            times = times_on_worker(networks, videos, candidates=candidates)
            advance(1, 1)
        write_json(file, to_dict(times))
    return time_model_from(read_json(file))


def _has(manifest: Manifest, split: str) -> bool:
    try:
        manifest.split(split)
    except ManifestError:
        return False
    return True
