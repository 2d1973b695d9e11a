"""Extraction of features into a store: decode over CPU workers, networks in actors, Parquet parts."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import ray
import torch
from ray.data import ActorPoolStrategy

from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import Reject, write_rejects
from epitoma.feature_store import PARTS_FOLDER, SCHEMA, STORE_FILE, StoreKey, is_finished, weights_digest
from epitoma.models.videoepitoma import Networks
from epitoma.on_ray.ingest import check_reject_share, decode_spec, decoded, uniform_schedule
from epitoma.on_ray.runtime import cluster_cpus, cluster_gpus
from epitoma.training.checkpoint import write_json

MAX_BATCH_BYTES = 64_000_000
Watch = Callable[[int, int], None]
"""Told how many videos are done, of how many."""


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """An extraction's outcome.

    Attributes:
        folder: The finished store.
        videos: Videos whose features were computed now; 0 where the store was there already.
        rejects: Videos that could not be read.
    """

    folder: Path
    videos: int
    rejects: list[Reject]


def extract_features(
    manifest: Manifest,
    networks: Networks,
    *,
    timesteps: int,
    root: Path,
    watch: Watch,
    max_reject_share: float = 0.05,
) -> Extracted:
    """Compute features of uniform timesteps of every video, unless a store with the same key is finished.

    An interrupted extraction goes on where it stopped.

    Args:
        manifest: The videos.
        networks: Both networks, frozen.
        timesteps: Dense timesteps a video, D.
        root: Folder of stores.
        watch: Told of progress.
        max_reject_share: Largest share of bad videos.

    Raises:
        TooManyRejectsError: More than the allowed share of videos is bad.
    """
    key = store_key(manifest, networks, timesteps=timesteps)
    folder = (root / key.digest()).resolve()
    if is_finished(folder):
        return Extracted(folder=folder, videos=0, rejects=[])
    (folder / PARTS_FOLDER).mkdir(parents=True, exist_ok=True)
    schedule = uniform_schedule(manifest, timesteps=timesteps, frames_per_timestep=networks.heavy.input.frames)
    schedule = _unfinished(schedule, folder)
    rejects = _extract(schedule, manifest, networks, folder, watch) if len(schedule) else []
    write_rejects(folder / "rejects.parquet", rejects)
    check_reject_share(len(rejects), len(manifest), max_reject_share)
    write_json(folder / STORE_FILE, asdict(key))
    return Extracted(folder=folder, videos=len(schedule) - len(rejects), rejects=rejects)


def store_key(manifest: Manifest, networks: Networks, *, timesteps: int) -> StoreKey:
    """Everything that the features of this extraction depend on."""
    return StoreKey(
        manifest=manifest.digest(),
        splits=tuple(sorted(set(manifest.table["split"].to_pylist()))),
        light_weights=weights_digest(networks.light),
        heavy_weights=weights_digest(networks.heavy),
        light_input=str(networks.light.input),
        heavy_input=str(networks.heavy.input),
        timesteps=timesteps,
    )


class Extractor:
    """Runs both networks over decoded videos, one video at a time, and writes a Parquet part a batch.

    One video at a time keeps features independent of how videos happened to be batched.
    """

    def __init__(self, networks: ray.ObjectRef, folder: Path, *, gpu: bool) -> None:
        torch.set_num_threads(1)
        self.device = torch.device("cuda" if gpu else "cpu")
        self.networks = ray.get(networks).to(self.device).eval()
        self.folder = folder

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Write the features of a batch of decoded rows; returns who was done and who was rejected."""
        rows = [dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True)]
        good = [self._features(row) for row in rows if not row["reject"]]
        if good:
            path = self.folder / PARTS_FOLDER / f"{good[0]['video_id']}.parquet".replace("/", "_")
            aside = path.with_suffix(".aside")
            pq.write_table(pa.Table.from_pylist(good, schema=SCHEMA), aside)
            aside.replace(path)
        return {name: batch[name] for name in ("video_id", "path", "reject")}

    @torch.inference_mode()
    def _features(self, row: dict[str, Any]) -> dict[str, Any]:
        frames_BTCHW = torch.from_numpy(row["frames"][None]).to(self.device)
        snippets_PCMHW = torch.from_numpy(row["snippets"]).to(self.device)
        light_TC = self.networks.light(frames_BTCHW)[0]
        heavy_TC = self.networks.heavy(snippets_PCMHW)
        return {
            "video_id": row["video_id"],
            "starts": np.asarray(row["starts"], np.int32).tobytes(),
            "light": light_TC.float().cpu().numpy().tobytes(),
            "heavy": heavy_TC.float().cpu().numpy().tobytes(),
        }


def _extract(
    schedule: pa.Table, manifest: Manifest, networks: Networks, folder: Path, watch: Watch
) -> list[Reject]:
    spec = decode_spec(networks)
    gpu = cluster_gpus() >= 1
    done = decoded(schedule, manifest, spec).map_batches(
        Extractor,
        fn_constructor_args=(ray.put(networks), folder),
        fn_constructor_kwargs={"gpu": gpu},
        batch_size=_batch_size(schedule, spec.heavy_size, spec.frames),
        compute=ActorPoolStrategy(size=int(cluster_gpus()) if gpu else max(1, int(cluster_cpus()))),
        num_gpus=1 if gpu else 0,
        num_cpus=0.5,
    )
    rejects = []
    for count, row in enumerate(done.iter_rows(), start=1):
        watch(count, len(schedule))
        if row["reject"]:
            rejects.append(Reject(video_id=row["video_id"], path=row["path"], reason=row["reject"]))
    return rejects


def _batch_size(schedule: pa.Table, heavy_size: int, frames: int) -> int:
    """Videos of a part: as many as decoded fit into memory comfortably, and no more than 16."""
    timesteps = len(schedule["timesteps"][0])
    return int(min(16, max(1, MAX_BATCH_BYTES // (timesteps * frames * heavy_size**2 * 3))))


def _unfinished(schedule: pa.Table, folder: Path) -> pa.Table:
    done = set()
    for part in (folder / PARTS_FOLDER).glob("*.parquet"):
        done.update(pq.read_table(part, columns=["video_id"])["video_id"].to_pylist())
    return schedule.filter(pa.array([video_id not in done for video_id in schedule["video_id"].to_pylist()]))
