"""Levels of grey and of deep colours, brought to what FFmpeg's conversion to RGB takes them for.

FFmpeg takes grey for full range whatever its tag says (20 levels of 255 away for limited range, as monochrome HEVC and
AV1 have it), and white of full range for 255 * 4 in 10 bits, where the standards have 1023 (a level away with the
rounding that follows). Both are mended before it converts, in 16 bits; other frames pass as they are.
"""

from av.filter import Graph
from av.filter.context import FilterContext
from av.video.format import VideoFormat
from av.video.reformatter import ColorRange

# White and the middle in full range: by the standards, and (in the first) in what FFmpeg converts.
_FFMPEG_WHITE, _WHITE, _MIDDLE = 255 << 8, (1 << 16) - 1, 1 << 15


def level_filters(graph: Graph, *, pix_fmt: str, color_range: int) -> list[FilterContext]:
    """Add the filters, mostly none, that frames of a pixel format and a range need before their conversion to RGB."""
    kind = VideoFormat(pix_fmt)
    bits, is_grey = kind.components[0].bits, pix_fmt.startswith(("gray", "ya"))
    if is_grey and color_range == ColorRange.MPEG:
        return [graph.add("format", "gray16le"), graph.add("lut", f"c0={_limited(bits)}")]
    if bits <= 8 or kind.is_rgb or (color_range != ColorRange.JPEG and not is_grey):
        return []
    if is_grey:
        return [graph.add("format", "gray16le"), graph.add("lut", f"c0={_full(0)}")]
    colour = _full(_MIDDLE)
    planes = graph.add("format", "yuv420p16le|yuv422p16le|yuv444p16le")
    return [planes, graph.add("lutyuv", f"y={_full(0)}:u={colour}:v={colour}")]


def _full(zero: int) -> str:
    """The level, in FFmpeg's terms, of one in full range; a filter drops what is behind the point."""
    return f"(val-{zero})*{_FFMPEG_WHITE / _WHITE}+{zero}+0.5"


def _limited(bits: int) -> str:
    """The level in full range, in FFmpeg's terms, of one in limited range that had some bits before it had 16."""
    in_8_bits = f"val*{((1 << bits) - 1) / _WHITE / (1 << bits - 8)}"
    return f"({in_8_bits}-16)*{_FFMPEG_WHITE / 219}+0.5"
