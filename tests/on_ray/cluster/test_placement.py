"""Runs on clusters of several nodes, real processes on this machine: where work runs, and what comes and goes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.nodes import TRAINER, Nodes
from benchmarks.running_job import RunningJob
from epitoma.datasets.manifest import Manifest
from epitoma.files.json_files import read_json
from epitoma.on_ray.cluster.placement import label_selector
from epitoma.on_ray.train.fit import checkpoints_of
from epitoma.training.audit import Audit, audit, notes
from epitoma.training.checkpoint import STATE_FILE
from epitoma.training.run_config import TrainConfig, WorkersConfig
from tests.on_ray.conftest import steady_run


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    nodes = Nodes()
    yield nodes
    nodes.end()


@pytest.fixture
def config(dataset: Manifest, tmp_path: Path) -> TrainConfig:
    """Starts from nothing: a run to go on from would be trained in this process, and leave its Ray here."""
    return steady_run(dataset, tmp_path / "runs")


def running(config: TrainConfig, nodes: Nodes) -> RunningJob:
    return RunningJob(config, {"RAY_ADDRESS": nodes.address})


def test_one_machine_without_labels_runs_everything(ray_cluster):
    assert label_selector("decode") is None
    assert label_selector("train") is None


@pytest.mark.jobs
@pytest.mark.slow
def test_decoding_and_training_run_on_the_nodes_that_are_there_for_them(nodes, config, dataset):
    """Two nodes of each role beside a head that does nothing: read back where every step really was."""
    decode, train = ([nodes.add(role) for _ in range(2)] for role in ("decode", "train"))
    with running(replace(config, workers=WorkersConfig(count=2, resources={TRAINER: 1})), nodes) as job:
        code, printed = job.ended()
    assert code == 0, printed
    noted = list(notes(config.folder))
    assert {step["trained_on"] for step in noted} == {node.node_id for node in train}
    assert {place for step in noted for place in step["decoded_on"]} == {node.node_id for node in decode}
    videos = dataset.split("train").video_ids
    assert audit(config.folder, videos, epochs=2) == Audit(lost=[], repeated=[], attempts=1)


@pytest.mark.jobs
@pytest.mark.slow
def test_a_run_goes_on_with_fewer_workers_and_grows_again_and_sees_every_video_once(nodes, config, dataset):
    """A node with a worker is killed, another comes; then the run, which would take long, is stopped."""
    nodes.add("decode")
    first, second = nodes.add("train"), nodes.add("train")
    elastic = WorkersConfig(count=2, least=1, resources={TRAINER: 1})
    endless = replace(config.optimisation, epochs=10_000, validate_every=10_000)
    with running(replace(config, optimisation=endless, workers=elastic), nodes) as job:
        job.wait_for_workers(2)
        nodes.kill(second)
        job.wait_for_workers(1)
        nodes.add("train")
        job.wait_for_workers(2)
        job.stop()
        code, printed = job.ended()
    assert code == 130, printed
    assert sizes(config.folder) == [2, 1, 2]
    assert first.node_id in {step["trained_on"] for step in notes(config.folder)}
    newest = checkpoints_of(config).newest()
    whole_epochs = read_json(newest / STATE_FILE)["progress"]["epoch"]
    assert whole_epochs > 0
    found = audit(config.folder, dataset.split("train").video_ids, epochs=whole_epochs)
    assert (found.lost, found.repeated) == ([], [])


def sizes(folder: Path) -> list[int]:
    """How many workers took steps in each attempt, in order."""
    ranks = defaultdict(set)
    for step in notes(folder):
        ranks[step["attempt"]].add(step["rank"])
    return [len(ranks[attempt]) for attempt in sorted(ranks)]
