"""Networks multiply in bfloat16 where that is asked for; scores, gates and losses are in float32 in any case."""

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from epitoma.core.selection import PixelCandidates, Recognition, all_valid
from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.concept_kernels import ConceptKernels
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma, build_model
from epitoma.training.batch import Batch, make_batch
from epitoma.training.context import LocalContext
from epitoma.training.losses import cross_entropy
from epitoma.training.run_config import TrainConfig
from epitoma.training.sparsity import SparsityConfig
from epitoma.training.trainer import Trainer

INSIDE = (nn.Conv2d, nn.Conv3d, nn.Linear, ConceptKernels, TemporalSelfAttention)


def dtypes_inside(module: nn.Module, seen: set[torch.dtype]) -> None:
    """Note the dtype of everything that multiplies in a module: convolutions, linear layers, kernels, attention."""

    def note(_: nn.Module, __: object, output: Tensor) -> None:
        seen.add(output.dtype)

    for layer in module.modules():
        if isinstance(layer, INSIDE):
            layer.register_forward_hook(note)


def two_videos() -> Batch:
    """Pixels of four timesteps each."""
    candidates = PixelCandidates(
        frames_BTCHW=torch.zeros(2, 4, 3, 32, 32, dtype=torch.uint8),
        snippets_BTCMHW=torch.zeros(2, 4, 3, 2, 32, 32, dtype=torch.uint8),
        valid_BT=all_valid(2, 4),
    )
    return make_batch(
        video_ids=["a", "b"],
        candidates=candidates,
        labels_BL=torch.eye(3)[:2],
        weight_B=torch.ones(2),
        seeds=[0, 1],
        selection="learnt",
    )


def trainer(model: VideoEpitoma, folder: Path) -> Trainer:
    config = TrainConfig(
        manifest=folder,
        name="run",
        timesteps=4,
        train_timesteps=4,
        sparsity=SparsityConfig(target_timesteps=2),
    )
    return Trainer(model, config.loop(multi_label=False), LocalContext(folder))


@pytest.mark.parametrize(
    ("precision", "inside"), [("bf16", torch.bfloat16), ("fp32", torch.float32), (None, torch.float32)]
)
def test_each_part_has_its_precision_in_a_step_of_training(
    model_config: ModelConfig, tmp_path: Path, precision, inside
):
    """None is the device's own, which on a CPU is float32."""
    model = build_model(model_config).train()
    model.networks.run_as(Speed(precision=precision))
    parts = {
        "light": model.networks.light,
        "heavy": model.networks.heavy,
        "selector": model.selector,
        "classifier": model.classifier,
    }
    seen: dict[str, set[torch.dtype]] = {name: set() for name in parts}
    for name, part in parts.items():
        dtypes_inside(part, seen[name])
    batch = two_videos()
    told: list[Recognition] = []
    model.register_forward_hook(lambda _, __, recognition: told.append(recognition))
    sums = trainer(model, tmp_path).step(0, 0, batch)
    assert seen == {
        "light": {inside},
        "heavy": {inside},
        "selector": {torch.float32},
        "classifier": {torch.float32},
    }
    (recognition,) = told
    gates = recognition.selection
    loss_B = cross_entropy(recognition, batch.labels_BL)
    found = (gates.alpha_BT, gates.gate_BT, gates.open_probability_BT, recognition.logits_BL, loss_B)
    assert {each.dtype for each in found} == {torch.float32}
    assert sums.videos == 2
    assert {each.grad.dtype for each in model.parameters() if each.grad is not None} == {torch.float32}


@pytest.mark.parametrize(
    ("precision", "dtype"), [(None, torch.bfloat16), ("bf16", torch.bfloat16), ("fp32", None)]
)
def test_a_gpu_multiplies_in_bfloat16_unless_told_otherwise(precision, dtype):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "CUDA is not available")
        context = Speed(precision=precision).autocast(torch.device("cuda"))
    assert getattr(context, "fast_dtype", None) == dtype
