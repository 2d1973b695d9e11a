"""A process that tries files, watched from outside: it may crash, hang, or take too much memory."""

import multiprocessing as mp
import os
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.fuzz_video.outcome import Outcome
from benchmarks.fuzz_video.trying import try_file

HANG_SECONDS = 10.0
START_SECONDS = 120.0
READY = "ready"
MEMORY_BYTES = 1 << 30
FILES_A_PROCESS = 200


def serve(pipe: Connection) -> None:
    """Try files named over a pipe until there are no more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # FFmpeg has much to say of such files.
    pipe.send(READY)
    while (path := pipe.recv()) is not None:
        pipe.send(try_file(path))


class Watched:
    """A process that tries files, replaced when it dies, hangs, or has tried many."""

    def __init__(self) -> None:
        self.process: mp.process.BaseProcess | None = None
        self.tried = 0

    def outcome(self, path: Path) -> Outcome:
        """Try a file, and say what became of it."""
        if self.process is None or self.tried >= FILES_A_PROCESS:
            self._start()
        self.tried += 1
        self.pipe.send(path)
        if not self.pipe.poll(HANG_SECONDS):
            self.stop()
            return Outcome("hang", f"over {HANG_SECONDS:g} s", HANG_SECONDS)
        try:
            outcome = self.pipe.recv()
        except EOFError:
            code = self._exit_code()
            return Outcome("crash", f"exit code {code}")
        return (
            Outcome("memory", f"{outcome.memory_bytes} bytes")
            if outcome.memory_bytes > MEMORY_BYTES
            else outcome
        )

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None

    def _start(self) -> None:
        self.stop()
        context = mp.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.tried = 0
        if not self.pipe.poll(START_SECONDS) or self.pipe.recv() != READY:
            raise SystemExit("a process to try files in does not start")

    def _exit_code(self) -> int | None:
        assert self.process is not None
        self.process.join(5)
        code = self.process.exitcode
        self.process = None
        return code
