"""Tensor names of published weight files: recognise the library, and rename the tensors where they can be used."""

from torch import nn

from epitoma.models.trunk import State

_MARKS = (
    ("Conv3d_1a_7x7.conv3d.weight", "piergiaj's I3D"),
    ("conv3d_1a_7x7.conv3d.weight", "hassony2's I3D, which epitoma does not read"),
    ("layer1.0.conv3.weight conv1.0.weight", "okankop's ShuffleNet3D"),
    ("features.0.conv.0.weight features.0.0.weight", "okankop's MobileNet3D, which epitoma does not read"),
    ("stem.0.weight layer1.0.conv1.0.0.weight", "torchvision's r2plus1d_18"),
    ("features.0.0.0.weight classifier.1.weight", "torchvision's s3d"),
    ("conv_proj.weight blocks.0.attn.qkv.weight", "torchvision's mvit_v2_s"),
    ("patch_embed.proj.weight", "a transformer of timm, or torchvision's swin3d_t"),
    ("features.0.0.weight", "a torchvision MobileNet or EfficientNet"),
    ("conv_stem.weight", "a timm MobileNet or EfficientNet"),
    ("layer1.0.conv1.weight", "a ResNet of timm or torchvision"),
)
# torchvision trains its MobileNetV3 with this eps; timm's default is another.
_TORCHVISION_MOBILENET_EPS = 1e-3


def describe_layout(state: State) -> str:
    """Describe which library's network the tensor names look like, for error messages."""
    for keys, whose in _MARKS:
        if all(key in state for key in keys.split()):
            return whose
    return f"no layout known here; it holds {', '.join(list(state)[:3]) or 'nothing'}"


def without_counters(state: State) -> State:
    """The state dict without ``num_batches_tracked``, which has no effect on what a network computes."""
    return {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")}


def as_timm_names(state: State, net: nn.Module) -> State:
    """Rename tensors of torchvision's MobileNetV3 for timm's, which has the same tensors in the same order.

    The two differ in the eps of batch normalisation: that of ``net`` is set in place to the eps the weights were
    trained with. Tensors of any other network, or of a MobileNetV3 of another size, are returned unchanged.
    """
    if "features.0.0.weight" not in state or not _is_timms_mobilenet(net):
        return state
    shapes = {key: tensor.shape for key, tensor in without_counters(net.state_dict()).items()}
    theirs = without_counters(state)
    if any(a.numel() != b.numel() for a, b in zip(theirs.values(), shapes.values(), strict=False)):
        return state
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = _TORCHVISION_MOBILENET_EPS
    renamed = dict(zip(theirs, shapes, strict=False))
    return {
        renamed.get(key, key): tensor.view(shapes[renamed[key]]) if key in renamed else tensor
        for key, tensor in theirs.items()
    }


def _is_timms_mobilenet(net: nn.Module) -> bool:
    # Imported here, because importing timm takes seconds in every process that does not need it.
    from timm.models import MobileNetV3

    return isinstance(net, MobileNetV3)
