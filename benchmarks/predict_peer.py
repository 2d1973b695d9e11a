"""The peer of benchmarks/predict.py: a plain PyTorch loop that decodes all timesteps with torchcodec and sees them all.

    python -m benchmarks.predict_peer FOLDER TIMESTEPS THREADS VIDEOS

Runs with the peers' own Python; prints one line of JSON with the seconds that the first videos of the folder took.
Importing, building the network and a first pass to warm up are not counted. Computes on a GPU where there is one.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torchcodec.decoders import VideoDecoder
from torchcodec.transforms import CenterCrop, Resize

from epitoma.models.i3d import I3D, I3D_INPUT


def snippets(file: Path, timesteps: int) -> torch.Tensor:
    """Uniform snippets of a video, uint8 ``(T, M, 3, H, W)``."""
    size, frames = I3D_INPUT.size, I3D_INPUT.frames
    decoder = VideoDecoder(file, seek_mode="approximate", num_ffmpeg_threads=1)
    width = round(decoder.metadata.width * size / decoder.metadata.height)
    decoder = VideoDecoder(
        file,
        seek_mode="approximate",
        num_ffmpeg_threads=1,
        transforms=[Resize((size, width)), CenterCrop((size, size))],
    )
    places = len(decoder) - frames + 1
    starts_T = np.floor((np.arange(timesteps) + 0.5) * places / timesteps).astype(int)
    wanted = (starts_T[:, None] + np.arange(frames)).reshape(-1).tolist()
    return decoder.get_frames_at(wanted).data.unflatten(0, (timesteps, frames))


@torch.inference_mode()
def recognise(net: I3D, file: Path, timesteps: int) -> torch.Tensor:
    """Mean of HeavyNet's features over all timesteps."""
    device = next(net.parameters()).device
    pixels = snippets(file, timesteps).to(device).transpose(1, 2).float().div(127.5).sub(1)
    return torch.cat([net(part) for part in pixels.split(8)]).mean(dim=0).cpu()


def main() -> None:
    """Time the folder."""
    folder, (timesteps, threads, videos) = Path(sys.argv[1]), map(int, sys.argv[2:])
    torch.set_num_threads(threads)
    net = I3D().eval().to("cuda" if torch.cuda.is_available() else "cpu")
    files = sorted(folder.iterdir())[:videos]
    recognise(net, files[0], 2)
    started = time.perf_counter()
    for file in files:
        recognise(net, file, timesteps)
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
