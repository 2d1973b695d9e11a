"""Break running training jobs in every way that clusters do, and see what comes of it.

    python -m benchmarks.faults --json runs/benchmarks/faults.json

Each fault meets a real job, end to end from pixels, in real processes on this machine. What it comes to is compared
with the same job undisturbed: whether each scheduled video was seen once an epoch, and whether the losses are the
same bit for bit.
"""

import argparse
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from mlflow import MlflowClient

from benchmarks.bad_decoders import killing, stalling
from benchmarks.nodes import TRAINER, Nodes
from benchmarks.running_job import RunningJob, attempts_of, losses, steps_seen
from epitoma.core.errors import TRY_AGAIN
from epitoma.datasets.manifest import Manifest, read_manifest
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.files.json_files import write_json
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.videoepitoma import NetworksConfig
from epitoma.on_ray.train.fit import checkpoints_of
from epitoma.reporting.console import phase, say
from epitoma.training.audit import audit
from epitoma.training.optimisation import OptimisationConfig
from epitoma.training.run_config import TrainConfig, WorkersConfig
from epitoma.training.sparsity import SparsityConfig
from ray_jobs.prepare import PrepareSynthetic, prepare
from tests.mlflow_server import MlflowServer

ROOT = Path("runs/benchmarks/faults")
EPOCHS = 4
DECODER, TRAIN_WORKER = "ray::ReadScheduledVideos", "ray::RayTrainWorker"
HURT_AT = (1, 1)
"""Where a fault strikes: epoch and step, past the first checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a fault.

    Attributes:
        fault: Its name.
        survived: The run reached its end.
        resumed_by_hand: It ended before, in one line and with a state to go on from, and was told to ``--resume``.
        recovery_seconds: From the fault, or from being told to resume, to the next step.
        videos_lost: Scheduled and not seen, over all epochs.
        videos_repeated: Seen more than once in an epoch.
        same_loss_curve: Its losses are those of the undisturbed run, bit for bit.
        half_written: Checkpoints that are there and cannot be read.
        said: What the job said where it ended.
    """

    fault: str
    survived: bool
    resumed_by_hand: bool
    recovery_seconds: float
    videos_lost: int
    videos_repeated: int
    same_loss_curve: bool
    half_written: int
    said: str


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all faults share.

    Attributes:
        config: Of the undisturbed run; its name is that of the run.
        manifest: The dataset.
        curves: Losses of undisturbed runs, by number of workers.
    """

    config: TrainConfig
    manifest: Manifest
    curves: dict[int, list[float]]

    def run_config(self, fault: str, **changes) -> TrainConfig:
        """The same run under the name of a fault."""
        return replace(self.config, name=fault, **changes)

    def outcome(
        self, config: TrainConfig, *, seconds: float, code: int, said: str = "", by_hand: bool = False
    ) -> Outcome:
        """Compare what a run came to with what it should have."""
        seen = audit(config.folder, self.manifest.split("train").video_ids, epochs=EPOCHS)
        return Outcome(
            fault=config.name,
            survived=code == 0,
            resumed_by_hand=by_hand,
            recovery_seconds=round(seconds, 1),
            videos_lost=len(seen.lost),
            videos_repeated=len(seen.repeated),
            same_loss_curve=losses(config.folder) == self.curves[config.workers.count],
            half_written=half_written(config),
            said=said,
        )


def decode_worker_killed(bench: Bench) -> Outcome:
    """Kill -9 every process that decodes."""
    config = bench.run_config("decode_worker_killed")
    with RunningJob(config) as job:
        job.wait_for_step(0, 0)
        seconds = recovery(job, lambda: job.kill_descendants_when_there(DECODER))
        return bench.outcome(config, seconds=seconds, code=job.ended()[0])


def training_worker_killed(bench: Bench) -> Outcome:
    """Kill -9 the process that trains."""
    config = bench.run_config("training_worker_killed")
    with RunningJob(config) as job:
        job.wait_for_step(*HURT_AT)
        seconds = restart(job, lambda: job.kill_descendants_when_there(TRAIN_WORKER))
        return bench.outcome(config, seconds=seconds, code=job.ended()[0])


def driver_killed(bench: Bench) -> Outcome:
    """Kill -9 the job itself."""
    config = bench.run_config("driver_killed")
    with RunningJob(config) as job:
        job.wait_for_step(*HURT_AT)
        job.kill()
    return resumed(bench, config, {}, said="")


def decode_node_killed(bench: Bench) -> Outcome:
    """Kill -9 one of two nodes that decode, whatever it has decoded included."""
    config = bench.run_config("decode_node_killed")
    with cluster(decode=2, train=1) as (nodes, environment), RunningJob(config, environment) as job:
        job.wait_for_step(0, 1)
        seconds = recovery(job, lambda: nodes.kill_one("decode"))
        return bench.outcome(config, seconds=seconds, code=job.ended()[0])


def training_node_killed(bench: Bench) -> Outcome:
    """Kill -9 the node of one of two workers; a third node is free."""
    two = WorkersConfig(count=2, resources={TRAINER: 1})
    config = bench.run_config("training_node_killed", workers=two)
    with cluster(decode=1, train=3) as (nodes, environment), RunningJob(config, environment) as job:
        job.wait_for_step(*HURT_AT)
        seconds = restart(job, lambda: nodes.kill_named(job.trained_on()))
        return bench.outcome(config, seconds=seconds, code=job.ended()[0])


def head_killed(bench: Bench) -> Outcome:
    """Kill -9 the cluster's head: nothing survives that, but the job says so and can be gone on with."""
    config = bench.run_config("head_killed")
    with cluster(decode=1, train=1) as (nodes, environment), RunningJob(config, environment) as job:
        job.wait_for_step(*HURT_AT)
        nodes.kill(nodes.head)
        code, said = last_line(job)
        assert (code, "is gone" in said) == (TRY_AGAIN, True), said
    with cluster(decode=1, train=1) as (_, environment):
        return resumed(bench, config, environment, said=said)


def mlflow_down(bench: Bench, *, minutes: float = 1.0) -> Outcome:
    """Kill the MLflow server in the middle of a run, and start it again after a minute."""
    config = bench.run_config("mlflow_down")
    server = MlflowServer(ROOT)
    server.start()
    try:
        with RunningJob(config, {"MLFLOW_TRACKING_URI": server.uri}) as job:
            job.wait_for_step(*HURT_AT)
            seconds = recovery(job, server.stop)
            time.sleep(60 * minutes)
            server.start()
            code, said = last_line(job)
        if "report sync" in said:
            sync = ["ray_jobs.report", "sync", "--run", str(config.folder)]
            subprocess.run(
                [os.sys.executable, "-m", *sync],
                check=True,
                env={**os.environ, "MLFLOW_TRACKING_URI": server.uri},
            )
        assert told(server.uri, config) == losses(config.folder), "MLflow has heard all losses"
        return bench.outcome(config, seconds=seconds, code=code, said=said)
    finally:
        server.stop()


def checkpoint_disk_full(bench: Bench) -> Outcome:
    """Fill the disk that checkpoints are written to; make room, and go on."""
    with small_disk(ROOT / "small_disk") as disk:
        config = bench.run_config("checkpoint_disk_full", runs=disk)
        with RunningJob(config) as job:
            job.wait_for_step(*HURT_AT)
            fill(disk)
            code, said = last_line(job)
            assert (code, "no room" in said) == (TRY_AGAIN, True), said
        (disk / "filler").unlink()
        return resumed(bench, config, {}, said=said)


def object_store_too_small(bench: Bench) -> Outcome:
    """An object store of a quarter of the pixels that a run decodes."""
    config = bench.run_config("object_store_too_small")
    with cluster(decode=1, train=1, object_store_bytes=80_000_000) as (_, environment):
        with RunningJob(config, environment) as job:
            code, said = last_line(job)
        return bench.outcome(config, seconds=0.0, code=code, said="" if code == 0 else said)


def video_kills_decoder(bench: Bench) -> Outcome:
    """A video whose decoder dies of SIGKILL whenever it is opened: one reject, and the others as if it were none."""
    return with_a_bad_video(bench, "video_kills_decoder", killing)


def video_stalls_decoder(bench: Bench, *, limit_seconds: float = 10.0) -> Outcome:
    """A video whose decoder never comes back: the same, after twice the limit."""
    pipe = ROOT / "stalling_pipe"
    pipe.unlink(missing_ok=True)
    bad = partial(stalling, pipe=pipe.absolute(), limit_seconds=limit_seconds)
    return with_a_bad_video(bench, "video_stalls_decoder", bad)


FAULTS: dict[str, Callable[[Bench], Outcome]] = {
    each.__name__: each
    for each in (
        decode_worker_killed,
        training_worker_killed,
        driver_killed,
        decode_node_killed,
        training_node_killed,
        head_killed,
        mlflow_down,
        checkpoint_disk_full,
        object_store_too_small,
        video_kills_decoder,
        video_stalls_decoder,
    )
}


def with_a_bad_video(bench: Bench, fault: str, bad: Callable[[str], dict[str, str]]) -> Outcome:
    """A run with a video that does this to its decoder; undisturbed is one in which it is no video at all."""
    folder = ROOT / "one_bad_video"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bench.manifest.path.parent, folder)
    manifest = read_manifest(folder / bench.manifest.path.name)
    video = manifest.split("train").resolved_paths()[len(manifest.split("train")) // 2]
    config = bench.run_config(fault, manifest=manifest.path)
    with RunningJob(config, bad(video)) as job:
        began = time.perf_counter()
        code, printed = job.ended()
        seconds = time.perf_counter() - began
    Path(video).write_bytes(b"no video at all")
    curve = undisturbed(replace(config, name=f"{fault}_plain"))
    said = next((line.strip() for line in printed.splitlines() if "rejected" in line), "no reject")
    assert video in said, printed
    compared = replace(bench, curves={config.workers.count: curve})
    return compared.outcome(config, seconds=seconds, code=code, said=said)


def resumed(bench: Bench, config: TrainConfig, environment: dict[str, str], *, said: str) -> Outcome:
    """Tell a run that has ended to go on."""
    attempts, began = len(attempts_of(config.folder)), time.perf_counter()
    with RunningJob(replace(config, resume=True), environment) as job:
        job.wait_for_another_attempt(attempts)
        seconds = time.perf_counter() - began
        code, _ = job.ended()
    return bench.outcome(config, seconds=seconds, code=code, said=said, by_hand=True)


def recovery(job: RunningJob, hurt: Callable[[], object]) -> float:
    """Seconds from a fault to the next step of the same workers."""
    hurt()
    began, before = time.perf_counter(), len(steps_seen(job.config.folder))
    job.wait_for_more_steps(before)
    return time.perf_counter() - began


def restart(job: RunningJob, hurt: Callable[[], object]) -> float:
    """Seconds from a fault to the first step of new workers."""
    attempts = len(attempts_of(job.config.folder))
    hurt()
    began = time.perf_counter()
    job.wait_for_another_attempt(attempts)
    return time.perf_counter() - began


def last_line(job: RunningJob) -> tuple[int, str]:
    """Exit code, and what was said last."""
    code, printed = job.ended()
    return code, printed.strip().splitlines()[-1].strip()


def told(uri: str, config: TrainConfig) -> list[float]:
    """The loss curve that MLflow has."""
    client = MlflowClient(uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    (run,) = client.search_runs(experiments, filter_string=f"run_name = '{config.name}'")
    history = sorted(client.get_metric_history(run.info.run_id, "train/loss"), key=lambda each: each.step)
    return [each.value for each in history]


def half_written(config: TrainConfig) -> int:
    """Checkpoints that are there without the file that is written last."""
    places = checkpoints_of(config).path.glob("epoch_*")
    return sum(not (place / "state.json").is_file() for place in places)


@contextmanager
def cluster(
    *, decode: int, train: int, object_store_bytes: int = 200_000_000
) -> Iterator[tuple[Nodes, dict[str, str]]]:
    """Nodes, and what a job needs in its environment to join them."""
    nodes = Nodes(object_store_bytes=object_store_bytes)
    try:
        for role, count in (("decode", decode), ("train", train)):
            for _ in range(count):
                nodes.add(role)
        yield nodes, {"RAY_ADDRESS": nodes.address}
    finally:
        nodes.end()


@contextmanager
def small_disk(place: Path, *, megabytes: int = 200) -> Iterator[Path]:
    """A disk of its own in memory (as root)."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1_000_000))
        except OSError as error:
            say(f"  {disk}: {error.strerror}")


def make_bench() -> Bench:
    """The dataset and the undisturbed runs."""
    dataset = SyntheticConfig(
        train_videos=48,
        validation_videos=8,
        test_videos=8,
        classes=2,
        one_actions=4,
        actions_per_class=2,
        twin_classes=0,
        min_seconds=12,
        max_seconds=16,
        size=96,
    )
    manifest = prepare(PrepareSynthetic(output=ROOT / "dataset", dataset=dataset))
    config = TrainConfig(
        manifest=manifest.path,
        name="undisturbed",
        runs=ROOT / "runs",
        source="pixels",
        networks=NetworksConfig(
            light=LightNet.Config(name="mobilenetv3_small_050", weights="random", size=64),
            heavy=HeavyNet.Config(name="mobilenetv3_small_050", weights="random", size=96, frames=2),
        ),
        sparsity=SparsityConfig(target_timesteps=4),
        optimisation=OptimisationConfig(epochs=EPOCHS, batch_size=8),
        timesteps=16,
        checkpoint_every=2,
        workers=WorkersConfig(threads=1),
    )
    shutil.rmtree(config.runs, ignore_errors=True)
    two = replace(config, name="undisturbed_two", workers=WorkersConfig(count=2, threads=1))
    curves = {each.workers.count: undisturbed(each) for each in (config, two)}
    return Bench(config=config, manifest=read_manifest(manifest.path), curves=curves)


def undisturbed(config: TrainConfig) -> list[float]:
    """Losses of a run that nothing happens to."""
    with phase(f"run {config.name}"), RunningJob(config) as job:
        code, printed = job.ended()
    assert code == 0, printed
    return losses(config.folder)


def table(outcomes: list[Outcome]) -> str:
    """Outcomes as Markdown."""
    names = (
        "fault",
        "survived",
        "resumed by hand",
        "recovery, s",
        "lost",
        "repeated",
        "same losses",
        "half written",
    )
    rows = [[*vars(outcome).values()][:-1] for outcome in outcomes]
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def main() -> None:
    """Run the faults that are asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="*", choices=FAULTS, default=list(FAULTS))
    arguments = parser.parse_args()
    bench = make_bench()
    outcomes = []
    for name in arguments.only:
        with phase(name):
            outcomes.append(FAULTS[name](bench))
        say(f"  {outcomes[-1]}")
        if arguments.json:
            write_json(arguments.json, [asdict(outcome) for outcome in outcomes])
    print(table(outcomes))


if __name__ == "__main__":
    main()
