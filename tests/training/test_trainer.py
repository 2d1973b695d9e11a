"""Optimiser steps: those of workers together are those of one, and each part of the model has its own clip."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed import FileStore, all_reduce, destroy_process_group, init_process_group
from torch.nn.parallel import DistributedDataParallel

from epitoma.core.selection import FeatureCandidates, all_valid
from epitoma.models.videoepitoma import VideoEpitoma, build_model
from epitoma.training.batch import Batch, make_batch
from epitoma.training.context import LocalContext
from epitoma.training.sparsity import SparsityConfig
from epitoma.training.trainer import Trainer
from tests.conftest import tiny_model
from tests.training.synthetic_features import (
    CLASSES,
    HEAVY,
    LIGHT,
    TIMESTEPS,
    make_config,
    make_split,
    small_head,
)

VIDEOS = 6
SHARES = (slice(0, 5), slice(5, 6))
"""Videos of the first worker and of the second."""

REJECTED = 2
"""The video that could not be read."""


class PairContext(LocalContext):
    """One of two workers, in processes of their own, on real collectives."""

    world_size = 2

    def __init__(self, folder: Path, rank: int) -> None:
        super().__init__(folder)
        self.rank = rank

    def wrap(self, model: nn.Module) -> nn.Module:
        return DistributedDataParallel(model)

    def sum(self, value: Tensor) -> Tensor:
        total = super().sum(value)
        all_reduce(total)
        return total


def batch_of(videos: slice) -> Batch:
    split = make_split(VIDEOS, seed=1)
    labels_BL = split.labels_VL[videos]
    numbers = range(VIDEOS)[videos]
    return make_batch(
        video_ids=split.video_ids[videos],
        candidates=FeatureCandidates(
            light_BTC=split.light_VTC[videos],
            heavy_BTC=split.heavy_VTC[videos],
            valid_BT=all_valid(len(numbers), TIMESTEPS),
        ),
        labels_BL=labels_BL,
        weight_B=torch.tensor([float(number != REJECTED) for number in numbers]),
        seeds=list(numbers),
        selection="learnt",
    )


def gradients_of_a_step(context: LocalContext, videos: slice, folder: Path) -> dict[str, Tensor]:
    """Without dropout, whose noise differs from worker to worker, and without clipping."""
    head = small_head()
    head.classifier.dropout = 0.0
    optimisation = {"epochs": 1, "gradient_norm": 1e9}
    config = make_config(folder, head=head, sparsity=SparsityConfig(mode="none"), optimisation=optimisation)
    torch.manual_seed(0)
    model = VideoEpitoma(head, light_channels=LIGHT, heavy_channels=HEAVY, classes=CLASSES)
    trainer = Trainer(model, config.loop(multi_label=False), context)
    trainer.step(0, 0, batch_of(videos))
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


def work(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    init_process_group("gloo", store=FileStore(str(folder / "store"), 2), rank=rank, world_size=2)
    try:
        gradients = gradients_of_a_step(PairContext(folder, rank), SHARES[rank], folder)
        save_file(gradients, folder / f"gradients_{rank}.safetensors")
    finally:
        destroy_process_group()


def test_workers_with_unequal_shares_take_the_step_of_one_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Five videos and one, of which one could not be read: each of the five that count has the same weight."""
    # Gloo would listen on the address of the machine's name.
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    other = multiprocessing.get_context("spawn").Process(target=work, args=(1, tmp_path))
    other.start()
    work(0, tmp_path)
    other.join(timeout=60)
    assert other.exitcode == 0
    alone = gradients_of_a_step(LocalContext(tmp_path), slice(0, VIDEOS), tmp_path)
    assert alone
    for rank in range(2):
        together = load_file(tmp_path / f"gradients_{rank}.safetensors")
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-6)


def test_gradients_are_clipped_a_part_at_a_time(tmp_path: Path):
    """HeavyNet's, a hundred times those of the head, leave the head's as they are."""
    config = make_config(tmp_path, optimisation={"epochs": 1, "gradient_norm": 5.0})
    model = build_model(tiny_model())
    trainer = Trainer(model, config.loop(multi_label=False), LocalContext(tmp_path))
    parts = {"head": 1.0, "light": 20.0, "heavy": 100.0}
    of_part = {
        "head": list(model.head_parameters()),
        "light": list(model.networks.light.parameters()),
        "heavy": list(model.networks.heavy.parameters()),
    }
    for name, size in parts.items():
        count = sum(each.numel() for each in of_part[name])
        for each in of_part[name]:
            each.grad = torch.full_like(each, size / count**0.5)
    norms = trainer._clipped()
    assert [float(norm) for norm in norms] == pytest.approx(list(parts.values()), rel=1e-3)
    after = {
        name: float(torch.cat([each.grad.flatten() for each in weights]).norm())
        for name, weights in of_part.items()
    }
    assert after == pytest.approx({"head": 1.0, "light": 5.0, "heavy": 5.0}, rel=1e-3)
