"""Imported by every Python that has this folder on PYTHONPATH: some videos do to FFmpeg the worst that a file can do.

Opening the one named by KILLS_ITS_DECODER kills the process, as a fault in native code does. Opening the one named by
STALLS_ITS_DECODER has FFmpeg open STALLING_PIPE, a pipe without a writer, which never ends. Opening the one named by
BREAKS_ITS_DECODER raises an error that nobody has thought of.
"""

import os
import signal
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder


def deadly(opened):
    """`av.open` with these."""

    def open_container(file, *arguments, **options):
        name = str(file)
        if name == os.environ.get("KILLS_ITS_DECODER"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name == os.environ.get("BREAKS_ITS_DECODER"):
            raise ZeroDivisionError("nobody thought of this")
        stalls = name == os.environ.get("STALLS_ITS_DECODER")
        return opened(os.environ["STALLING_PIPE"] if stalls else file, *arguments, **options)

    return open_container


class Deadly(MetaPathFinder):
    """Changes PyAV as it is imported."""

    def find_spec(self, name, path=None, target=None) -> ModuleSpec | None:
        """Find PyAV, and nothing else."""
        if name != "av":
            return None
        spec = PathFinder.find_spec(name, path, target)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            module.open = deadly(module.open)

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Deadly())
