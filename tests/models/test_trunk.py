import pytest
import torch
from timm.models.resnet import Bottleneck

from epitoma.core.errors import WeightsError
from epitoma.models.heavy_net import HeavyNet
from epitoma.models.light_net import LightNet
from epitoma.models.trunk import build_trunk

SMALL = {"i3d": 64, "shufflenet3d_x0_25": 64, "s3d": 64, "r2plus1d_18": 32, "swin3d_t": 64, "resnet10t": 64}


@pytest.mark.parametrize(("name", "size"), SMALL.items())
def test_every_heavy_net_takes_snippets_and_gives_its_channels(name: str, size: int):
    frames = 16 if name == "s3d" else 4
    heavy = HeavyNet(HeavyNet.Config(name=name, weights="random", size=size, frames=frames)).eval()
    spec = heavy.input
    assert (spec.size, spec.frames) == (size, frames)
    snippets = torch.randint(0, 256, (3, 3, frames, size, size), dtype=torch.uint8)
    with torch.no_grad():
        features = heavy(snippets)
        assert features.shape == (3, heavy.channels)
        assert torch.allclose(heavy(snippets.float()), features), "bytes and floats mean the same"
        alone = torch.cat([heavy(snippet[None]) for snippet in snippets])
    assert torch.allclose(alone, features, atol=1e-4 * float(features.abs().max())), "each by itself"


def test_networks_say_what_they_want_to_see():
    inputs = {
        name: build_trunk(name).input for name in ("i3d", "shufflenet3d", "s3d", "swin3d_t", "resnet50")
    }
    assert {name: (spec.size, spec.frames) for name, spec in inputs.items()} == {
        "i3d": (224, 8),
        "shufflenet3d": (224, 8),
        "s3d": (224, 16),
        "swin3d_t": (224, 32),
        "resnet50": (224, 1),
    }
    assert inputs["i3d"].mean == inputs["i3d"].std == (0.5, 0.5, 0.5)


def test_a_network_of_one_size_refuses_others():
    with pytest.raises(WeightsError, match=r"mvit_v2_s takes 16 frame\(s\) of 224 x 224 only, not 8 of 112"):
        HeavyNet(HeavyNet.Config(name="mvit_v2_s", weights="random", size=112, frames=8))
    with pytest.raises(WeightsError, match="vit_tiny_patch16_224 takes"):
        HeavyNet(HeavyNet.Config(name="vit_tiny_patch16_224", weights="random", size=112))


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("shufflenet3d_x0_1", {}, "width 0.1 has channels that do not divide into 3 groups"),
        ("shufflenet3d_x0_0", {}, "width 0.0 has channels"),
        ("resnet50.wrong_tag", {}, "timm has no model 'resnet50.wrong_tag'"),
        ("resnetaa50_v1", {}, "halve elsewhere than in their 3x3"),
        ("resnet10t", {"size": 0}, "size 0 and frames 1 must be at least 1"),
        ("resnet10t", {"frames": -2}, "frames -2 must be at least 1"),
        ("shufflenet3d_x0_5", {"size": 8}, r"cannot look at 8 frame\(s\) of 8 x 8: "),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_sentence(name: str, settings: dict, reason: str):
    with pytest.raises(WeightsError, match=reason):
        HeavyNet(HeavyNet.Config(name=name, weights="random", **settings))


def test_trying_a_network_leaves_the_callers_randomness_alone():
    torch.manual_seed(0)
    trunk = build_trunk("resnet10t")
    after_weights = torch.get_rng_state()
    torch.manual_seed(0)
    HeavyNet(HeavyNet.Config(name="resnet10t", weights="random", size=64))
    assert torch.equal(torch.get_rng_state(), after_weights)
    assert trunk.channels == 512


def test_light_net_is_2d():
    with pytest.raises(WeightsError, match="'i3d' wants several at once"):
        LightNet(LightNet.Config(name="i3d", weights="random"))


def test_resnet_v1_strides_in_the_first_convolution_with_the_same_tensors():
    """A block that halves, against the sum of its parts as the first ResNet paper draws it."""
    first, later = build_trunk("resnet50_v1").net.eval(), build_trunk("resnet50").net.eval()
    assert {key: tensor.shape for key, tensor in first.state_dict().items()} == {
        key: tensor.shape for key, tensor in later.state_dict().items()
    }
    block = first.get_submodule("layer2.0")
    assert isinstance(block, Bottleneck)
    x = torch.rand(1, 256, 8, 8)
    with torch.no_grad():
        out = torch.relu(
            block.bn1(block.conv1(x[..., ::2, ::2].repeat_interleave(2, 2).repeat_interleave(2, 3)))
        )
        out = torch.relu(block.bn2(block.conv2(out)))
        expected = torch.relu(block.bn3(block.conv3(out)) + block.downsample(x))
        assert torch.allclose(block(x), expected, atol=1e-5)
    with pytest.raises(WeightsError, match="only ResNets with bottlenecks have a v1"):
        build_trunk("resnet18_v1")
