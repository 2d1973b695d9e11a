import pickle

import pytest
import torch
from torch import nn
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.compilers import nop
from torch._inductor.exc import InductorError

from epitoma.models.heavy_net import HeavyNet
from epitoma.models.speed import Compiled, Speed, recomputed

CHUNK = 2 * 32 * 32


@pytest.fixture
def heavy() -> HeavyNet:
    torch.manual_seed(0)
    config = HeavyNet.Config(name="mobilenetv3_small_050", weights="random", normalisation="frozen", size=32)
    return HeavyNet(config)


def snippets(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, 1, 32, 32), dtype=torch.uint8, generator=generator)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("epitoma.models.backbone.CPU_CHUNK_PIXELS", CHUNK)
    monkeypatch.setattr("epitoma.models.backbone.CPU_CHUNK_LEAST_IMAGES", 1)


def test_chunks_change_nothing_and_none_is_larger_than_twice_what_was_asked(heavy, small_chunks):
    whole = heavy(snippets(5))
    seen: list[int] = []
    heavy.net.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    with torch.no_grad():
        assert torch.allclose(heavy(snippets(5)), whole, atol=1e-5)
    assert seen == [3, 2]


def test_recomputing_gives_the_same_gradients_and_keeps_fewer_activations(heavy, small_chunks):
    gradients, kept_bytes = [], []
    for recompute in (False, True):
        heavy.run_as(Speed(recompute=recompute))
        heavy.zero_grad()
        kept = 0

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal kept
            kept += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            features = heavy(snippets(6))
        kept_bytes.append(kept)
        features.square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in heavy.parameters()])
    assert kept_bytes[1] < kept_bytes[0] / 4
    for plain, again in zip(*gradients, strict=True):
        assert torch.allclose(plain, again, rtol=1e-3, atol=1e-4 * float(plain.abs().max()) + 1e-7)


def test_what_does_not_compile_runs_as_it_is_and_says_so(heavy):
    """A real failure of the compiler: a backend that refuses."""

    def refuses(graph: torch.fx.GraphModule, examples: list[torch.Tensor]):
        raise ValueError("no such machine")

    net = Compiled(heavy.net)
    net.compiled = torch.compile(heavy.net, backend=refuses)
    pixels = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        with pytest.warns(
            UserWarning, match="torch.compile failed, so the network runs as it is: .*no such machine"
        ):
            got = net(pixels)
        assert torch.equal(got, heavy.net(pixels))
        assert torch.equal(net(pixels), got), "from then on without another try"


@pytest.mark.parametrize("recompute", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_backward_pass_that_does_not_compile_is_met_in_time(heavy, small_chunks, recompute):
    def refuses(graph: torch.fx.GraphModule, examples: list[torch.Tensor]):
        raise InductorError(ValueError("no way back"), heavy.net)

    heavy.run_as(Speed(compile=True, recompute=recompute))
    heavy.compiled.compiled = torch.compile(
        heavy.net, backend=aot_autograd(fw_compiler=nop, bw_compiler=refuses)
    )
    with pytest.warns(UserWarning, match="torch.compile failed, so the network runs as it is: .*no way back"):
        features = heavy(snippets(4))
    features.sum().backward()
    assert all(parameter.grad is not None for parameter in heavy.parameters())


@pytest.mark.parametrize("keeps", [True, False])
def test_what_compiles_forward_and_backward_gives_the_same_gradients(keeps):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    run = Compiled(net)
    run.compiled = torch.compile(net, backend="aot_eager", dynamic=True)
    pixels = torch.rand(4, 3, 8, 8)
    (run(pixels) if keeps else recomputed(run, pixels)).square().sum().backward()
    assert run.goes_backward
    compiled = [parameter.grad.clone() for parameter in net.parameters()]
    net.zero_grad()
    net(pixels).square().sum().backward()
    for parameter, gradient in zip(net.parameters(), compiled, strict=True):
        assert torch.allclose(parameter.grad, gradient, rtol=1e-4, atol=1e-5)


def test_how_a_network_runs_goes_with_it_to_other_processes(heavy):
    heavy.run_as(Speed(compile=True, precision="bf16"))
    sent = pickle.loads(pickle.dumps(heavy))
    assert sent.speed == heavy.speed
    assert sent.compiled is not None
    assert sent.compiled.net is sent.net


def test_a_compiled_network_has_the_same_tensors(heavy):
    before = list(heavy.state_dict())
    heavy.run_as(Speed(compile=True))
    assert list(heavy.state_dict()) == before
