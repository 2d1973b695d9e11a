"""Views: how training sees a video, cropped, flipped or in other colours, the same in all of its frames."""

from typing import NamedTuple

import torch
from torch import Tensor


class VideoView(NamedTuple):
    """One way to see a video.

    Attributes:
        left: Where the crop begins, as a share of the width.
        top: Where it begins, as a share of the height.
        width: Of the crop, as a share.
        height: Of the crop, as a share.
        flip: 1 is mirrored, 0 is not.
        brightness: Factor.
        contrast: Factor.
        saturation: Factor.
    """

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0
    flip: float = 0.0
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0

    def of(self, frames_MCHW: Tensor) -> Tensor:
        """The frames, uint8, as this view has them: of the same size."""
        if self == VideoView():
            return frames_MCHW
        # Imported here, because torchvision takes seconds of every process, and few see other views than the whole.
        from torchvision.transforms.v2 import functional as F

        height, width = frames_MCHW.shape[-2:]
        box = (
            round(self.top * height),
            round(self.left * width),
            max(1, round(self.height * height)),
            max(1, round(self.width * width)),
        )
        if box != (0, 0, height, width):
            frames_MCHW = F.resized_crop(frames_MCHW, *box, size=[height, width], antialias=True)
        if self.flip:
            frames_MCHW = F.horizontal_flip(frames_MCHW)
        return self._coloured(frames_MCHW)

    def _coloured(self, frames_MCHW: Tensor) -> Tensor:
        from torchvision.transforms.v2 import functional as F

        for change, factor in (
            (F.adjust_brightness, self.brightness),
            (F.adjust_contrast, self.contrast),
            (F.adjust_saturation, self.saturation),
        ):
            if factor != 1:
                frames_MCHW = change(frames_MCHW, factor)
        return frames_MCHW


def viewed(pixels_P: Tensor, views_PA: Tensor) -> Tensor:
    """Frames ``(P, 3, H, W)`` or snippets ``(P, 3, M, H, W)``, uint8, each as its view has it."""
    seen = [
        _viewed(pixels, VideoView(*view)) for pixels, view in zip(pixels_P, views_PA.tolist(), strict=True)
    ]
    return torch.stack(seen)


def _viewed(pixels: Tensor, view: VideoView) -> Tensor:
    if pixels.ndim == 3:
        return view.of(pixels[None])[0]
    return view.of(pixels.transpose(0, 1)).transpose(0, 1)
