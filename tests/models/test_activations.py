"""What training keeps of a timestep, by which the paper's preset splits a step."""

import pytest
import torch

from epitoma.models.trunk import build_trunk
from epitoma.presets import ACTIVATION_MEGABYTES


def kept_megabytes(name: str) -> float:
    """Tensors that a forward pass of one timestep saves for its backward pass, parameters left out."""
    trunk = build_trunk(name)
    net = trunk.net.to("meta").eval()
    size, frames = trunk.input.size, trunk.input.frames
    shape = (1, 3, frames, size, size) if trunk.takes_snippets else (1, 3, size, size)
    own = {storage_of(each) for each in (*net.parameters(), *net.buffers())}
    saved: dict[int, torch.Tensor] = {}

    def save(tensor: torch.Tensor) -> torch.Tensor:
        # By storage: what one layer gives and the next takes is kept once.
        if storage_of(tensor) not in own:
            saved[storage_of(tensor)] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor):
        net(torch.zeros(shape, device="meta"))
    return sum(each.untyped_storage().nbytes() for each in saved.values()) / 1e6


def storage_of(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


@pytest.mark.parametrize("name", sorted(ACTIVATION_MEGABYTES))
def test_the_stated_activations_of_a_timestep_are_what_a_pass_keeps(name: str):
    assert ACTIVATION_MEGABYTES[name] == pytest.approx(kept_megabytes(name), rel=0.1)
