"""Videos that kill or stall their decoder where models are made, damage that all workers tell of, missing GPUs."""

import os
import re
import shutil
import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.bad_decoders import breaking, killing, stalling
from benchmarks.nodes import Nodes
from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import Done, epitoma, start
from benchmarks.public_reports.tiny_data import NETWORKS, TRAIN, manifest, tiny_dataset
from epitoma.training.audit import notes
from epitoma.video.compose import write_video

Bad = Callable[[Path], dict[str, str]]
"""What a job needs in its environment for a video to be bad."""

STALL_SECONDS = 5.0
KILLED, STALLED = "ends the process", "stalls the process"
RUN = ["--name", "run", "--runs", "runs", "--source", "pixels", *TRAIN, "--optimisation.epochs", "2"]


def dataset(folder: Path) -> Path:
    """A copy of eighteen short videos in a folder of one's own."""
    return manifest(folder).parent


def victim_of(data: Path) -> Path:
    """A training video."""
    return sorted(data.glob("**/train_*.mp4"))[3]


def _rejects(folder: Path) -> dict[str, str]:
    (file,) = folder.glob("**/rejects.parquet")
    return {Path(row["path"]).name: row["reason"] for row in pq.read_table(file).to_pylist()}


def _only_it(done: Done, rejects: dict[str, str], victim: Path, word: str) -> Seen:
    """Whether a job has ended well, and that video alone is a reject, for the reason that has a word in it."""
    ok = done.code == 0 and list(rejects) == [victim.name] and word in rejects[victim.name]
    return Seen(ok=ok, said=f"exit {done.code}, rejects {rejects}" if ok else done.printed[-2000:])


def _train(folder: Path, bad: Bad, word: str) -> Seen:
    victim = victim_of(dataset(folder))
    arguments = ["train", "--manifest", "data/manifest.parquet", *RUN]
    done = epitoma(*arguments, folder=folder, environment=bad(victim))
    return _only_it(done, _rejects(folder / "runs"), victim, word)


def _extract(folder: Path, bad: Bad, word: str) -> Seen:
    victim = victim_of(dataset(folder))
    store = ["--features", "features", "--timesteps", "4", "--max-reject-share", "0.2"]
    arguments = ["extract", "--manifest", "data/manifest.parquet", *store, *NETWORKS]
    done = epitoma(*arguments, folder=folder, environment=bad(victim))
    return _only_it(done, _rejects(folder / "features"), victim, word)


def _prepare(folder: Path, bad: Bad, word: str) -> Seen:
    for number, video in enumerate(sorted(tiny_dataset().path.parent.glob("**/train_*.mp4"))[:6]):
        place = folder / "mine" / f"class_{number % 2}" / video.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video, place)
    victim = sorted((folder / "mine").glob("*/*.mp4"))[1]
    arguments = ["prepare", "folder", "--root", "mine", "--output", "prepared"]
    done = epitoma(*arguments, folder=folder, environment=bad(victim))
    return _only_it(done, _rejects(folder / "prepared"), victim, word)


def stalling_in(folder: Path) -> Bad:
    """What a job needs for FFmpeg never to come back from a video."""
    return lambda victim: stalling(victim, pipe=folder / "pipe", limit_seconds=STALL_SECONDS)


@case
def video_kills_decoder_in_train(folder: Path) -> Seen:
    """Train from pixels on a dataset in which one video kills every process that opens it."""
    return _train(folder, killing, KILLED)


@case
def video_stalls_decoder_in_train(folder: Path) -> Seen:
    """Train from pixels on a dataset in which FFmpeg never comes back from one video."""
    return _train(folder, stalling_in(folder), STALLED)


@case
def video_kills_decoder_in_extract(folder: Path) -> Seen:
    """Extract features of a dataset in which one video kills every process that opens it."""
    return _extract(folder, killing, KILLED)


@case
def video_stalls_decoder_in_extract(folder: Path) -> Seen:
    """Extract features of a dataset in which FFmpeg never comes back from one video."""
    return _extract(folder, stalling_in(folder), STALLED)


@case
def video_kills_decoder_in_prepare(folder: Path) -> Seen:
    """Prepare a folder in which one video kills every process that opens it."""
    return _prepare(folder, killing, KILLED)


@case
def video_stalls_decoder_in_prepare(folder: Path) -> Seen:
    """Prepare a folder in which FFmpeg never comes back from one video."""
    return _prepare(folder, stalling_in(folder), STALLED)


@case
def video_breaks_its_decoder_in_train(folder: Path) -> Seen:
    """Train from pixels on a dataset in which one video raises an error of no known kind."""
    return _train(folder, breaking, "ZeroDivisionError: nobody thought of this")


@case
def video_kills_decoder_in_finetune(folder: Path) -> Seen:
    """Fine-tune a network on a dataset in which one video kills every process that opens it."""
    victim = victim_of(dataset(folder))
    options = [word for word in RUN if word not in ("--source", "pixels", "--sparsity.mode", "none")]
    arguments = ["finetune", "--manifest", "data/manifest.parquet", *options]
    done = epitoma(*arguments, folder=folder, environment=killing(victim))
    return _only_it(done, _rejects(folder / "runs"), victim, KILLED)


@case
def clip_stalls_decoder_in_composites(folder: Path) -> Seen:
    """Make composites of clips of which FFmpeg never comes back from one."""
    for place in range(18):
        clip = folder / "clips" / ("nothing", "tea", "coffee")[place % 3] / f"{place}.mp4"
        clip.parent.mkdir(parents=True, exist_ok=True)
        pictures = np.random.default_rng(place).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
        write_video(clip, pictures, fps=8)
    few = ["--train-videos", "2", "--validation-videos", "1", "--test-videos", "1", "--min-seconds", "4"]
    options = ["--clips", "clips", "--output", "made", "--filler", "nothing", "--max-seconds", "5", *few]
    victim = folder / "clips" / "tea" / "4.mp4"
    environment = stalling_in(folder)(victim)
    done = epitoma("prepare", "composites", *options, folder=folder, environment=environment)
    return _only_it(done, _rejects(folder / "made"), victim, STALLED)


@case
def gpu_wanted_of_a_cluster_without(folder: Path) -> Seen:
    """Extract on GPUs in a cluster that has none up: it says what it waits for, and goes when it is told."""
    dataset(folder)
    nodes = Nodes()
    try:
        nodes.add("decode")
        token = (Path.home() / ".ray" / "auth_token").read_text()
        environment = {"RAY_ADDRESS": nodes.address, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
        words = [
            "extract",
            "--manifest",
            "data/manifest.parquet",
            "--gpu",
            "true",
            "--timesteps",
            "4",
            *NETWORKS,
        ]
        job = start(*words, folder=folder, environment=environment)
        assert job.stdout is not None
        waits = next((line for line in job.stdout if "no GPU of the cluster is up now" in line), "")
        os.killpg(job.pid, signal.SIGINT)
        printed, _ = job.communicate(timeout=60)
    finally:
        nodes.end()
    ok = job.returncode == 130 and "waiting until it has started one" in waits and "Traceback" not in printed
    return Seen(ok=ok, said=f"{waits.strip()}; {job.returncode}, {printed[-300:].strip()}")


@case
def gpu_wanted_where_none_is(folder: Path) -> Seen:
    """Ask for GPUs on a machine that has none, in extraction, and in training, which must not compute on CPUs."""
    dataset(folder)
    manifest = ["--manifest", "data/manifest.parquet", "--gpu", "true"]
    lines = []
    for arguments in (["extract", *manifest, "--timesteps", "4", *NETWORKS], ["train", *manifest, *RUN]):
        done = epitoma(*arguments, folder=folder, environment={"CUDA_VISIBLE_DEVICES": ""})
        if not done.ends_with(2, "gpu is true", "no GPU on this machine"):
            return Seen(ok=False, said=done.printed[-2000:])
        lines.append(done.last_line)
    return Seen(ok=True, said=lines[-1])


@case
def damage_is_told_by_every_worker(folder: Path) -> Seen:
    """Train one epoch with two workers on videos that are all damaged: each worker tells of some that it alone has."""
    data = dataset(folder)
    for video in data.glob("**/train_*.mp4"):
        _spoil(video)
    once = ["1" if before == "--optimisation.epochs" else word for before, word in pairwise(["", *RUN])]
    arguments = ["train", "--manifest", "data/manifest.parquet", *once, "--workers.count", "2"]
    done = epitoma(*arguments, folder=folder)
    told = {Path(path).stem for path in re.findall(r"damaged (\S+): ", done.printed)}
    had = [
        {video for step in notes(folder / "runs" / "run") if step["rank"] == rank for video in step["videos"]}
        for rank in range(2)
    ]
    counts = [len(told & videos) for videos in had]
    ok = done.code == 0 and not had[0] & had[1] and min(counts) > 0
    return Seen(ok=ok, said=f"told as damaged, by worker: {counts}" if ok else done.printed[-2000:])


def _spoil(video: Path) -> None:
    """Overwrite some bytes of the pictures in the middle of a file."""
    content = bytearray(video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    video.write_bytes(content)
