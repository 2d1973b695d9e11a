"""One reader of videos in a process of its own: a line of JSON in, a line of JSON out, on one core.

Run by benchmarks/decode.py, with this project's Python for "ours" and with another environment's for its peers,
so it imports nothing of the project before it is asked for it.
"""

import json
import os
import sys
import time

import numpy as np


def read_ours(job: dict) -> np.ndarray:
    """This project's decoder, with the index that `prepare` would have stored."""
    from epitoma.video.decode import FrameRequest, decode_requests

    view = FrameRequest(frame_indices=np.array(job["frames"]), size=job["size"])
    settings = {"mode": job["mode"], "tolerance_seconds": job["tolerance_seconds"]}
    decoded = decode_requests(job["file"], _index(job["file"]), [view], **settings)
    job["deviation_seconds"] = float(decoded.deviation_seconds[0].max())
    return decoded.pictures[0]


_INDICES: dict = {}


def _index(file: str):
    from epitoma.video.index import index_video

    if file not in _INDICES:
        _INDICES[file] = index_video(file)
    return _INDICES[file]


def read_torchcodec(job: dict) -> np.ndarray:
    """torchcodec, scaling and cropping in its decoder."""
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import CenterCrop, Resize

    size = job["size"]
    transforms = [Resize((size, job["scaled_width"])), CenterCrop((size, size))] if job["resize"] else None
    decoder = VideoDecoder(
        job["file"],
        seek_mode=job["mode"],
        num_ffmpeg_threads=1,
        transforms=transforms,
        dimension_order="NHWC",
    )
    return decoder.get_frames_at(job["frames"]).data.numpy()


def read_decord(job: dict) -> np.ndarray:
    """decord, scaling in its reader; the centre is cut out of its array, which copies nothing."""
    import decord

    sizes = {"width": job["scaled_width"], "height": job["size"]} if job["resize"] else {}
    frames = decord.VideoReader(job["file"], num_threads=1, **sizes).get_batch(job["frames"]).asnumpy()
    left = (frames.shape[2] - job["size"]) // 2
    return frames[:, :, left : left + job["size"]] if job["resize"] else frames


READERS = {"ours": read_ours, "torchcodec": read_torchcodec, "decord": read_decord}


def main() -> None:
    """Answer jobs until the input ends."""
    core = int(sys.argv[1])
    os.sched_setaffinity(0, {core})
    if "torch" in sys.argv[2:]:
        import torch

        torch.set_num_threads(1)
    for line in sys.stdin:
        job = json.loads(line)
        started = time.perf_counter()
        pictures = READERS[job["reader"]](job)
        answer = {"ms": (time.perf_counter() - started) * 1000, "shape": pictures.shape}
        if job.get("keep"):
            np.save(job["keep"], pictures)
        print(json.dumps({**answer, "deviation_seconds": job.get("deviation_seconds", 0.0)}), flush=True)


if __name__ == "__main__":
    main()
