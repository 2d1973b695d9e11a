"""State dicts of the layouts that others publish, made from their documented names and shapes, and forwards written
from the papers with plain functions: what loading is checked against."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]

I3D_BLOCKS = {
    "Mixed_3b": (192, 64, 96, 128, 16, 32, 32),
    "Mixed_3c": (256, 128, 128, 192, 32, 96, 64),
    "Mixed_4b": (480, 192, 96, 208, 16, 48, 64),
    "Mixed_4c": (512, 160, 112, 224, 24, 64, 64),
    "Mixed_4d": (512, 128, 128, 256, 24, 64, 64),
    "Mixed_4e": (512, 112, 144, 288, 32, 64, 64),
    "Mixed_4f": (528, 256, 160, 320, 32, 128, 128),
    "Mixed_5b": (832, 256, 160, 320, 32, 128, 128),
    "Mixed_5c": (832, 384, 192, 384, 48, 128, 128),
}


def i3d_state(*, classes: int, seed: int = 0) -> State:
    """As piergiaj's code saves it."""
    generator = torch.Generator().manual_seed(seed)
    state: State = {}
    for name, channels, width, kernel in _i3d_units():
        state |= _convolution(f"{name}.conv3d", (width, channels, kernel, kernel, kernel), generator)
        state |= _norm(f"{name}.bn", width, generator)
    state |= _convolution("logits.conv3d", (classes, 1024, 1, 1, 1), generator)
    state["logits.conv3d.bias"] = torch.randn(classes, generator=generator)
    return state


def _i3d_units() -> Iterator[tuple[str, int, int, int]]:
    yield "Conv3d_1a_7x7", 3, 64, 7
    yield "Conv3d_2b_1x1", 64, 64, 1
    yield "Conv3d_2c_3x3", 64, 192, 3
    for name, (channels, b0, b1a, b1b, b2a, b2b, b3b) in I3D_BLOCKS.items():
        yield f"{name}.b0", channels, b0, 1
        yield f"{name}.b1a", channels, b1a, 1
        yield f"{name}.b1b", b1a, b1b, 3
        yield f"{name}.b2a", channels, b2a, 1
        yield f"{name}.b2b", b2a, b2b, 3
        yield f"{name}.b3b", channels, b3b, 1


def i3d_forward(state: State, x: Tensor) -> Tensor:
    """Features before the classification layer, of pixels in [-1, 1]."""

    def unit(x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        weight = state[f"{name}.conv3d.weight"]
        x = F.conv3d(same(x, weight.shape[2:], (stride,) * 3), weight, stride=stride)
        return F.relu(_normalised(x, state, f"{name}.bn", eps=1e-3))

    def pool(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
        return F.max_pool3d(same(x, kernel, stride), kernel, stride)

    def block(x: Tensor, name: str) -> Tensor:
        branches = [unit(x, f"{name}.b0")]
        branches += [unit(unit(x, f"{name}.b{b}a"), f"{name}.b{b}b") for b in (1, 2)]
        branches += [unit(pool(x, (3, 3, 3), (1, 1, 1)), f"{name}.b3b")]
        return torch.cat(branches, dim=1)

    x = pool(unit(x, "Conv3d_1a_7x7", stride=2), (1, 3, 3), (1, 2, 2))
    x = pool(unit(unit(x, "Conv3d_2b_1x1"), "Conv3d_2c_3x3"), (1, 3, 3), (1, 2, 2))
    for name in I3D_BLOCKS:
        if name == "Mixed_4b":
            x = pool(x, (3, 3, 3), (2, 2, 2))
        if name == "Mixed_5b":
            x = pool(x, (2, 2, 2), (2, 2, 2))
        x = block(x, name)
    return x.mean(dim=(2, 3, 4))


def same(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """TensorFlow's "SAME": zeros around, the odd one behind."""
    pads = []
    for size, k, s in zip(x.shape[2:], kernel, stride, strict=True):
        total = max(k - s, 0) if size % s == 0 else max(k - size % s, 0)
        pads = [total // 2, total - total // 2, *pads]
    return F.pad(x, pads)


def shufflenet3d_state(*, width: float, classes: int, seed: int = 0) -> State:
    """As okankop's code saves it from a model under DataParallel, without the values around it."""
    generator = torch.Generator().manual_seed(seed)
    stem, *stages = (int(channels * width) for channels in (24, 240, 480, 960))
    state = _convolution("conv1.0", (stem, 3, 3, 3, 3), generator) | _norm("conv1.1", stem, generator)
    channels = stem
    for stage, (out, blocks) in enumerate(zip(stages, (4, 8, 4), strict=True), start=1):
        for block in range(blocks):
            name, inside = f"layer{stage}.{block}", out // 4
            groups = 1 if channels == 24 else 3
            made = out - channels if block == 0 else out
            state |= _convolution(f"{name}.conv1", (inside, channels // groups, 1, 1, 1), generator)
            state |= _norm(f"{name}.bn1", inside, generator)
            state |= _convolution(f"{name}.conv2", (inside, 1, 3, 3, 3), generator)
            state |= _norm(f"{name}.bn2", inside, generator)
            state |= _convolution(f"{name}.conv3", (made, inside // 3, 1, 1, 1), generator)
            state |= _norm(f"{name}.bn3", made, generator)
            channels = out
    state["classifier.1.weight"] = torch.randn(classes, channels, generator=generator)
    state["classifier.1.bias"] = torch.randn(classes, generator=generator)
    return {f"module.{key}": tensor for key, tensor in state.items()}


def shufflenet3d_forward(state: State, x: Tensor) -> Tensor:
    """Features before the classification layer, of pixels of 0 to 255 with the mean subtracted."""
    state = {key.removeprefix("module."): tensor for key, tensor in state.items()}

    def convolved(x: Tensor, name: str, *, groups: int = 1, stride: int = 1, padding: int = 0) -> Tensor:
        return F.conv3d(x, state[f"{name}.weight"], groups=groups, stride=stride, padding=padding)

    def unit(x: Tensor, name: str, *, halves: bool) -> Tensor:
        groups = 1 if x.shape[1] == 24 else 3
        out = F.relu(_normalised(convolved(x, f"{name}.conv1", groups=groups), state, f"{name}.bn1"))
        order = torch.arange(out.shape[1]).view(3, -1).t().reshape(-1)
        out = convolved(
            out[:, order], f"{name}.conv2", groups=out.shape[1], stride=2 if halves else 1, padding=1
        )
        out = convolved(_normalised(out, state, f"{name}.bn2"), f"{name}.conv3", groups=3)
        out = _normalised(out, state, f"{name}.bn3")
        if not halves:
            return F.relu(out + x)
        return F.relu(torch.cat([out, F.avg_pool3d(x, (2, 3, 3), stride=2, padding=(0, 1, 1))], dim=1))

    x = F.conv3d(x, state["conv1.0.weight"], stride=(1, 2, 2), padding=1)
    x = F.max_pool3d(F.relu(_normalised(x, state, "conv1.1")), 3, stride=2, padding=1)
    for stage, blocks in enumerate((4, 8, 4), start=1):
        for block in range(blocks):
            x = unit(x, f"layer{stage}.{block}", halves=block == 0)
    return x.mean(dim=(2, 3, 4))


def _normalised(x: Tensor, state: State, name: str, *, eps: float = 1e-5) -> Tensor:
    shape = (-1, 1, 1, 1)
    centred = x - state[f"{name}.running_mean"].view(shape)
    scaled = centred / torch.sqrt(state[f"{name}.running_var"].view(shape) + eps)
    return scaled * state[f"{name}.weight"].view(shape) + state[f"{name}.bias"].view(shape)


def _convolution(name: str, shape: tuple[int, ...], generator: torch.Generator) -> State:
    fan_in = torch.Size(shape[1:]).numel()
    return {f"{name}.weight": torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5}


def _norm(name: str, width: int, generator: torch.Generator) -> State:
    return {
        f"{name}.weight": torch.rand(width, generator=generator) + 0.5,
        f"{name}.bias": torch.randn(width, generator=generator) * 0.1,
        f"{name}.running_mean": torch.randn(width, generator=generator) * 0.1,
        f"{name}.running_var": torch.rand(width, generator=generator) + 0.5,
        f"{name}.num_batches_tracked": torch.tensor(7),
    }
