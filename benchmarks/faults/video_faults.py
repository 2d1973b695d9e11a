"""A video that does to its decoder the worst that a file can do."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.bad_decoders import killing, stalling
from benchmarks.faults.bench import ROOT, Bench
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.undisturbed import undisturbed
from benchmarks.running_job import RunningJob
from epitoma.datasets.manifest import read_manifest


def video_kills_decoder(bench: Bench) -> Outcome:
    """A video whose decoder dies of SIGKILL whenever it is opened: one reject, and the others as if it were none."""
    return with_a_bad_video(bench, "video_kills_decoder", killing)


def video_stalls_decoder(bench: Bench, *, limit_seconds: float = 10.0) -> Outcome:
    """A video whose decoder never comes back: the same, after twice the limit."""
    pipe = ROOT / "stalling_pipe"
    pipe.unlink(missing_ok=True)
    bad = partial(stalling, pipe=pipe.absolute(), limit_seconds=limit_seconds)
    return with_a_bad_video(bench, "video_stalls_decoder", bad)


def with_a_bad_video(bench: Bench, fault: str, bad: Callable[[str], dict[str, str]]) -> Outcome:
    """A run with a video that does this to its decoder; undisturbed is one in which it is no video at all."""
    folder = ROOT / "one_bad_video"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bench.manifest.path.parent, folder)
    manifest = read_manifest(folder / bench.manifest.path.name)
    video = manifest.split("train").resolved_paths()[len(manifest.split("train")) // 2]
    config = bench.run_config(fault, manifest=manifest.path)
    with RunningJob(config, bad(video)) as job:
        code, printed = job.ended()
    Path(video).write_bytes(b"no video at all")
    curve = undisturbed(replace(config, name=f"{fault}_plain"))
    said = next((line.strip() for line in printed.splitlines() if "rejected" in line), "no reject")
    assert video in said, printed
    compared = replace(bench, curves={config.workers.count: curve})
    return compared.outcome(config, seconds=None, code=code, said=said)
