"""Access to a private Ray: it listens on loopback only, and asks other accounts of the machine for a token."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ray._private import ray_constants
from ray._private.authentication.authentication_token_generator import generate_new_authentication_token

from epitoma.files.presence import is_there

LOOPBACK = "127.0.0.1:"
"""How the address of a private Ray's head begins."""

_FOR_OTHERS = 0o077
_LOOPBACK_INTERFACE = "lo" if sys.platform == "linux" else "lo0"
_COLLECTIVES = dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"), _LOOPBACK_INTERFACE)
"""Network interface of torch's collectives; the default is that of the host name. Ray's workers inherit it."""


@contextmanager
def on_loopback() -> Iterator[None]:
    """Have a Ray that is started in the block listen on 127.0.0.1 only.

    Ray 2.60 replaces 127.0.0.1 as ``_node_ip_address`` by the machine's outside address, and its processes listen on
    every interface. Its switch for machines that are in no cluster, meant for Windows and macOS, is set here.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    added = {name: value for name, value in _COLLECTIVES.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        for name in added:
            del os.environ[name]


def keep_token_private() -> None:
    """Make the file with Ray's token readable by its owner only, and create it if it is missing.

    All accounts of the machine can connect to loopback, and Ray itself creates the file readable by everyone.
    """
    if "RAY_AUTH_TOKEN" in os.environ:
        return
    given = os.environ.get("RAY_AUTH_TOKEN_PATH")
    file = Path(given) if given else Path.home() / ".ray" / "auth_token"
    if not is_there(file):
        _make(file)
    if given:
        return
    status = file.stat()
    if status.st_uid == os.geteuid() and status.st_mode & _FOR_OTHERS:
        file.chmod(0o600)


def _make(file: Path) -> None:
    """Write a new token, atomically, unless another process does so first."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    aside = file.with_name(f".{uuid4().hex}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
        made.write(generate_new_authentication_token())
    # A link fails if the file exists, so the first of two processes wins; a rename would replace its token.
    try:
        os.link(aside, file)
    except FileExistsError:
        return
    finally:
        aside.unlink()
