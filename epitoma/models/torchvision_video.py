"""torchvision's video networks without their classification layers.

torchvision is imported inside the functions: it imports PyTorch's compiler, which takes seconds in every process.
"""

from dataclasses import dataclass
from http.client import HTTPException
from pickle import UnpicklingError

from torch import Tensor, nn

from epitoma.core.errors import WeightsError
from epitoma.models.input_spec import InputSpec


@dataclass(frozen=True, kw_only=True)
class VideoNet:
    """Facts about a network that torchvision does not declare.

    Attributes:
        head: Name of the attribute that holds the classification layer.
        channels: Features that go into the classification layer.
        frames: Frames a timestep, unless the user asks for another number.
        only_own_input: Whether it accepts no other input size, because its position embeddings have one size.
    """

    head: str
    channels: int
    frames: int
    only_own_input: bool = False


VIDEO_NETS = {
    "s3d": VideoNet(head="classifier", channels=1024, frames=16),
    "r2plus1d_18": VideoNet(head="fc", channels=512, frames=16),
    "mvit_v2_s": VideoNet(head="head", channels=768, frames=16, only_own_input=True),
    "swin3d_t": VideoNet(head="head", channels=768, frames=32),
}


def create_video_net(name: str) -> tuple[nn.Module, int]:
    """Create a network with random weights and without classification layer; also return its number of features."""
    from torchvision.models import get_model
    from torchvision.models.video import S3D

    net = get_model(name, weights=None)
    setattr(net, VIDEO_NETS[name].head, nn.Identity())
    if isinstance(net, S3D):
        # Its own pooling needs 7x7 places of two frames, which smaller snippets do not have.
        net.avgpool = nn.AdaptiveAvgPool3d(1)  # pyright: ignore[reportAttributeAccessIssue]
    return net, VIDEO_NETS[name].channels


def input_of_video_net(name: str) -> InputSpec:
    """Input that the published weights were trained for."""
    from torchvision.models import get_model_weights

    shown = get_model_weights(name).DEFAULT.transforms()  # pyright: ignore
    return InputSpec(
        size=shown.crop_size[0],
        frames=VIDEO_NETS[name].frames,
        mean=tuple(shown.mean),
        std=tuple(shown.std),
    )


def fetch_video_net(name: str) -> dict[str, Tensor]:
    """Download published weights.

    Raises:
        WeightsError: They cannot be downloaded.
    """
    from torchvision.models import get_model_weights

    try:
        return get_model_weights(name).DEFAULT.get_state_dict(  # pyright: ignore
            check_hash=True, weights_only=True
        )
    except (
        OSError,
        HTTPException,
        RuntimeError,
        UnpicklingError,
    ) as error:  # A wrong hash is a RuntimeError.
        raise WeightsError(f"torchvision cannot fetch weights of {name!r} ({error})") from error
