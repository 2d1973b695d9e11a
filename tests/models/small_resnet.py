"""A small pretrained network with batch normalisation, as a file of weights in timm's layout."""

from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from torch import nn


def small_resnet_file(folder: Path) -> Path:
    """Weights of a ResNet of ten layers, whose statistics are not those of a new network."""
    torch.manual_seed(1)
    net = timm.create_model("resnet10t", num_classes=5)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
    file = folder / "resnet10t.safetensors"
    save_file({name: each.contiguous() for name, each in net.state_dict().items()}, file)
    return file
