"""Networks multiply in bfloat16 where that is asked for; scores, gates and losses are in float32 in any case."""

import pytest
import torch
from torch import Tensor, nn

from epitoma.core.selection import PixelCandidates, all_valid
from epitoma.models.gating import logistic_noise
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import ModelConfig, build_model
from epitoma.training.losses import cross_entropy


def dtypes_inside(module: nn.Module, seen: set[torch.dtype]) -> None:
    """Note the dtype of everything that convolutions and linear layers of a module give."""

    def note(_: nn.Module, __: object, output: Tensor) -> None:
        seen.add(output.dtype)

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.Linear):
            layer.register_forward_hook(note)


@pytest.mark.parametrize(
    ("precision", "inside"), [("bf16", torch.bfloat16), ("fp32", torch.float32), (None, torch.float32)]
)
def test_each_part_has_its_precision(model_config: ModelConfig, precision, inside):
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
    candidates = PixelCandidates(
        frames_BTCHW=torch.zeros(2, 4, 3, 32, 32, dtype=torch.uint8),
        snippets_BTCMHW=torch.zeros(2, 4, 3, 2, 32, 32, dtype=torch.uint8),
        valid_BT=all_valid(2, 4),
    )
    noise_BT = logistic_noise((2, 4), generator=torch.Generator().manual_seed(0))
    recognition = model(candidates, noise_BT=noise_BT)
    loss_B = cross_entropy(recognition, torch.eye(3)[:2])
    assert seen == {
        "light": {inside},
        "heavy": {inside},
        "selector": {torch.float32},
        "classifier": {torch.float32},
    }
    gates = recognition.selection
    found = (gates.alpha_BT, gates.gate_BT, gates.open_probability_BT, recognition.logits_BL, loss_B)
    assert {each.dtype for each in found} == {torch.float32}
    loss_B.sum().backward()
    assert {each.grad.dtype for each in model.parameters() if each.grad is not None} == {torch.float32}
