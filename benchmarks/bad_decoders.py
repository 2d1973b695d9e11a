"""Videos that do to their decoder the worst that a file can do: kill its process, stall it for ever, or break."""

import os
from pathlib import Path

DEADLY = Path(__file__).parent / "deadly_decoder"
CODE = Path(__file__).parent.parent


def killing(video: str | Path) -> dict[str, str]:
    """What a job needs in its environment for a video to kill every process that opens it."""
    return {**_deadly(), "KILLS_ITS_DECODER": str(video)}


def breaking(video: str | Path) -> dict[str, str]:
    """What a job needs for a video to raise an error of no known kind wherever it is opened."""
    return {**_deadly(), "BREAKS_ITS_DECODER": str(video)}


def stalling(video: str | Path, *, pipe: Path, limit_seconds: float) -> dict[str, str]:
    """What a job needs for a video to stall every process that opens it, and for it to give up soon.

    Args:
        video: The video.
        pipe: Where to make the pipe without a writer that FFmpeg opens in its place.
        limit_seconds: Longest time without progress.
    """
    os.mkfifo(pipe)
    stall = {"STALLS_ITS_DECODER": str(video), "STALLING_PIPE": str(pipe)}
    return {**_deadly(), **stall, "EPITOMA_STALL_SECONDS": str(limit_seconds)}


def _deadly() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join((str(DEADLY), os.environ.get("PYTHONPATH") or str(CODE)))}
