"""Views: augmentations of a video (crop, flip, colours) that are the same in all of its frames."""

from typing import NamedTuple

import torch
from torch import Tensor


class VideoView(NamedTuple):
    """Parameters of one augmentation of a video; the defaults leave it unchanged.

    Attributes:
        left: Left edge of the crop, as a share of the frame's width.
        top: Top edge of the crop, as a share of the frame's height.
        width: Width of the crop, as a share of the frame's width.
        height: Height of the crop, as a share of the frame's height.
        flip: 1 mirrors horizontally, 0 does not.
        brightness: Factor on the brightness.
        contrast: Factor on the contrast.
        saturation: Factor on the saturation.
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
        """Apply this view to uint8 frames; their size stays the same."""
        if self == VideoView():
            return frames_MCHW
        # Imported here, because importing torchvision takes seconds in every process, and few use augmentation.
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


def apply_views(pixels_P: Tensor, views_PA: Tensor) -> Tensor:
    """Apply its own view to each of the uint8 frames ``(P, 3, H, W)`` or snippets ``(P, 3, M, H, W)``."""
    seen = [
        _apply_view(pixels, VideoView(*view))
        for pixels, view in zip(pixels_P, views_PA.tolist(), strict=True)
    ]
    return torch.stack(seen)


def _apply_view(pixels: Tensor, view: VideoView) -> Tensor:
    if pixels.ndim == 3:
        return view.of(pixels[None])[0]
    return view.of(pixels.transpose(0, 1)).transpose(0, 1)
