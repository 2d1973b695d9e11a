import pytest
import timm
import torch
from torch import nn

from epitoma.models.folding import fold_batch_norm


def trained(name: str) -> nn.Module:
    """A network whose normalisation statistics are not those of a fresh one."""
    torch.manual_seed(0)
    net = timm.create_model(name, num_classes=0)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    return net.eval()


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050", "tf_efficientnet_lite0"])
def test_a_folded_network_computes_the_same_without_batch_normalisation(name):
    net, images = trained(name), torch.randn(2, 3, 64, 64)
    folded = fold_batch_norm(net, images[:1])
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    with torch.no_grad():
        expected = net(images)
        assert torch.allclose(folded(images), expected, atol=1e-4 * float(expected.abs().max()))
    assert any(isinstance(module, nn.BatchNorm2d) for module in net.modules()), "the original stays as it was"


def test_a_normalisation_before_its_convolution_is_left_alone():
    torch.manual_seed(0)
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)).eval()
    folded = fold_batch_norm(net, torch.rand(1, 3, 8, 8))
    assert [type(module) for module in folded] == [type(module) for module in net]


def test_a_convolution_that_two_normalisations_follow_is_left_alone():
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.one, self.other = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.convolution(x)
            return self.one(y) + self.other(y)

    net, images = Shared().eval(), torch.rand(1, 3, 8, 8)
    folded = fold_batch_norm(net, images)
    assert isinstance(folded.one, nn.BatchNorm2d)
    assert torch.allclose(folded(images), net(images))
