"""Extraction of features into a store: CPU workers decode, actors run the networks and write Parquet parts."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import ray
import torch
from ray.data import ActorPoolStrategy

from epitoma.core.gpu import Gpu
from epitoma.core.progress import Watch
from epitoma.datasets.manifest import Manifest
from epitoma.datasets.rejects import Reject, write_rejects
from epitoma.files.claims import claimed_in_turn
from epitoma.files.json_files import write_json
from epitoma.files.parquet import write_parquet
from epitoma.models.videoepitoma import Networks
from epitoma.on_ray.cluster.gpus import requested_gpus
from epitoma.on_ray.cluster.placement import cpus_for, label_selector, say_if_waited_for
from epitoma.on_ray.cluster.runtime import has_joined
from epitoma.on_ray.decode.attempts import Attempts
from epitoma.on_ray.decode.decoding import WINDOW_ROWS, decoded
from epitoma.on_ray.decode.pixel_rows import pixel_rows
from epitoma.on_ray.train.ingest import (
    channels_first,
    check_reject_share,
    decode_spec,
    snippets_channels_first,
    uniform_schedule,
)
from epitoma.training.events import VideoDamaged
from epitoma.training.feature_store import (
    KEY_FILE,
    PARTS_FOLDER,
    SCHEMA,
    StoreKey,
    identities,
    identities_with_features,
    stored_flaws,
    weights_digest,
)
from epitoma.video.index_table import StoredIndices
from epitoma.video.scale import SCALING

MAX_BATCH_BYTES = 64_000_000
"""Most decoded pixels of a batch, in bytes."""

VIDEOS_PER_ACTOR = 32
"""Fewer videos than these take less time than starting another process and giving it the networks."""


@dataclass(frozen=True, kw_only=True)
class Extracted:
    """Result of an extraction.

    Attributes:
        folder: Folder of the store.
        computed: Number of videos that got features now; 0 where all that can be read had some already.
        rejects: Videos of the manifest that cannot be read.
        damaged: Videos of the manifest of which frames are damaged.
    """

    folder: Path
    computed: int
    rejects: list[Reject]
    damaged: list[VideoDamaged]


def extract_features(
    manifest: Manifest,
    networks: Networks,
    *,
    timesteps: int,
    root: Path,
    watch: Watch,
    gpu: Gpu = "auto",
    max_reject_share: float = 0.05,
    attempts: Attempts | None = None,
    wait: Callable[[str], None] = lambda line: None,
) -> Extracted:
    """Compute features of uniform timesteps of every video that has none in the store.

    An interrupted extraction continues where it stopped, and videos that could not be read are tried again. Jobs that
    need the same features compute them one after the other, so that each is computed once.

    Args:
        manifest: The videos.
        networks: Both networks, frozen.
        timesteps: Uniform timesteps per video, D.
        root: Folder of stores.
        watch: Called with progress.
        gpu: Whether to compute on GPUs.
        max_reject_share: Largest share of videos that may be unreadable.
        attempts: Gives up videos that end the processes which decode them; None begins to count here.
        wait: Called with a line that says which job computes features there now, if one does.

    Raises:
        TooManyRejectsError: More than the allowed share of videos cannot be read.
    """
    key = store_key(networks, timesteps=timesteps)
    folder = (root / key.digest()).resolve()
    (folder / PARTS_FOLDER).mkdir(parents=True, exist_ok=True)
    write_json(folder / KEY_FILE, asdict(key))
    identity = dict(zip(manifest.video_ids, identities(manifest), strict=True))
    work = _Work(
        identity=identity, networks=networks, timesteps=timesteps, folder=folder, gpu=gpu, attempts=attempts
    )
    computed = _extract_in_turn(manifest, work, watch=watch, wait=wait)
    rejects, damaged = stored_flaws(folder, manifest)
    write_rejects(folder / "rejects.parquet", rejects)
    check_reject_share(len(rejects), len(manifest), max_reject_share, reasons=folder)
    return Extracted(folder=folder, computed=computed, rejects=rejects, damaged=damaged)


def _missing(manifest: Manifest, identity: dict[str, str], folder: Path) -> Manifest:
    """Videos of a manifest without features in a store."""
    known = identities_with_features(folder)
    return manifest.only([video_id for video_id in manifest.video_ids if identity[video_id] not in known])


def store_key(networks: Networks, *, timesteps: int) -> StoreKey:
    """Key of a store: everything that features depend on, except the videos."""
    return StoreKey(
        light_name=networks.light.name,
        heavy_name=networks.heavy.name,
        light_weights=weights_digest(networks.light),
        heavy_weights=weights_digest(networks.heavy),
        light_input=str(networks.light.input),
        heavy_input=str(networks.heavy.input),
        timesteps=timesteps,
        scaling=SCALING,
        precision=networks.speed.precision,
    )


class Extractor:
    """Actor that runs both networks over decoded videos and writes a Parquet part per batch.

    Each forward pass has one video, so that features do not depend on how videos are batched.
    """

    def __init__(self, networks: ray.ObjectRef, identity: ray.ObjectRef, folder: Path, *, gpu: bool) -> None:
        torch.set_num_threads(1)
        self.identity: dict[str, str] = ray.get(identity)
        self.device = torch.device("cuda" if gpu else "cpu")
        self.networks: Networks = ray.get(networks).to(self.device).eval()
        self.networks.fold()
        self.folder = folder

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Write the rows of a batch of decoded videos; returns their ids."""
        stored = [self._stored(row) for row in pixel_rows(batch)]
        self._write(f"{uuid4().hex}.parquet", [row for row in stored if not row["reject"]])
        for row in stored:
            if row["reject"]:
                # Under the same name whenever it is tried again, so that there is one row, with the newest reason.
                self._write(f"reject_{row['identity']}.parquet", [row])
        return batch.select(["video_id"])

    def _write(self, name: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            write_parquet(self.folder / PARTS_FOLDER / name, pa.Table.from_pylist(rows, schema=SCHEMA))

    def _stored(self, row: dict[str, Any]) -> dict[str, Any]:
        known = {name: row[name] for name in ("video_id", "path", "reject", "replaced")}
        features = {} if row["reject"] else self._features(row)
        return {"identity": self.identity[row["video_id"]], **known, **features}

    @torch.inference_mode()
    def _features(self, row: dict[str, Any]) -> dict[str, bytes]:
        # Copied: the row is a read-only view of the shared object store, and torch needs writable memory.
        frames_BTCHW = channels_first(row["frames"][None].copy()).to(self.device)
        snippets_PCMHW = snippets_channels_first(row["snippets"].copy()).to(self.device)
        light_TC = self.networks.light(frames_BTCHW)[0]
        heavy_TC = self.networks.heavy(snippets_PCMHW)
        return {
            "starts": np.asarray(row["starts"], np.int32).tobytes(),
            "light": light_TC.float().cpu().numpy().tobytes(),
            "heavy": heavy_TC.float().cpu().numpy().tobytes(),
        }


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What is the same for all videos of an extraction."""

    identity: dict[str, str]
    networks: Networks
    timesteps: int
    folder: Path
    gpu: Gpu
    attempts: Attempts | None


def _extract_in_turn(manifest: Manifest, work: _Work, *, watch: Watch, wait: Callable[[str], None]) -> int:
    """Extract what is missing, after any other job that does so in this store; returns the number of videos."""
    if not len(_missing(manifest, work.identity, work.folder)):
        return 0
    with claimed_in_turn(work.folder, by="extraction of features", wait=wait):
        # Looked at again: the job before may have computed them.
        missing = _missing(manifest, work.identity, work.folder)
        if len(missing):
            _extract(missing, work, watch)
        return len(missing) - len(_missing(missing, work.identity, work.folder))


def _extract(manifest: Manifest, work: _Work, watch: Watch) -> None:
    spec = decode_spec(work.networks)
    schedule = uniform_schedule(manifest, timesteps=work.timesteps, frames_per_timestep=spec.frames)
    indices, shared = StoredIndices.beside(manifest.path), ray.put(work.networks)
    gpus, attempts = requested_gpus(work.gpu), work.attempts or Attempts.start()
    say_if_waited_for("train")
    actors = actors_for(len(manifest), most=gpus or int(cpus_for("train")))
    windows = (
        decoded(window, manifest, indices, spec, attempts).map_batches(
            Extractor,
            fn_constructor_args=(shared, _identity_of(window, work.identity), work.folder),
            fn_constructor_kwargs={"gpu": gpus > 0},
            batch_format="pyarrow",
            zero_copy_batch=True,
            batch_size=_batch_size(work.timesteps, spec.heavy_size, spec.frames),
            # In a cluster start with one: it may have to grow before it has room for all.
            compute=ActorPoolStrategy(min_size=1 if has_joined() else actors, max_size=actors),
            num_gpus=1 if gpus else 0,
            num_cpus=0.5,
            label_selector=label_selector("train"),
        )
        for window in schedule.windows(range(1), rows=WINDOW_ROWS)
    )
    for count, _ in enumerate(chain.from_iterable(done.iter_rows() for done in windows), start=1):
        watch(count, len(manifest))


def actors_for(videos: int, *, most: int) -> int:
    """Number of processes that compute: at most one for each VIDEOS_PER_ACTOR videos, and at least one."""
    return max(1, min(most, videos // VIDEOS_PER_ACTOR))


def _identity_of(window: pa.Table, identity: dict[str, str]) -> ray.ObjectRef:
    """Identities of a window's videos only: each actor holds them, and a million would take a third of a GiB."""
    return ray.put({video_id: identity[video_id] for video_id in window["video_id"].to_pylist()})


def _batch_size(timesteps: int, heavy_size: int, frames: int) -> int:
    """Videos of a batch: as many as decoded fit into MAX_BATCH_BYTES, 1 to 16."""
    return int(min(16, max(1, MAX_BATCH_BYTES // (timesteps * frames * heavy_size**2 * 3))))
