"""A private Ray that cannot start ends a job in one line that says what heals it."""

import os
import subprocess
from pathlib import Path

import pytest

from epitoma.core.errors import ClusterError, ClusterRefusedError, StorageError
from epitoma.on_ray.cluster.loopback import keep_token_private
from epitoma.on_ray.cluster.private_start import needing_home, ray_folder, starting_privately

LOG = Path("logs/ray_start.log")
ASKED = "set RAY_TMPDIR to a folder of yours"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a short name, for sockets."""
    folder = Path("/tmp") / f"e{os.getpid()}"
    folder.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    yield folder
    subprocess.run(["rm", "-r", folder], check=True)


def test_ray_finds_room_in_the_folder_that_it_will_use(short, monkeypatch):
    with starting_privately(LOG):
        pass
    assert ray_folder() == short / "ray"
    assert list((short / "ray").iterdir()) == []
    monkeypatch.delenv("RAY_TMPDIR")
    monkeypatch.setenv("TMPDIR", "/a")
    assert ray_folder() == Path("/a/ray")


def test_a_name_that_is_too_long_for_sockets(monkeypatch):
    monkeypatch.setenv("TMPDIR", "/tmp/" + 90 * "l")
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    with (
        pytest.raises(ClusterRefusedError, match=rf"is \d+ letters too long: {ASKED}"),
        starting_privately(LOG),
    ):
        pass
    assert not ray_folder().exists()


def test_a_folder_that_cannot_be_made(short):
    (short / "ray").write_text("a file")
    refused = rf"a Ray cannot start: {short}/ray: File exists: {ASKED}"
    with pytest.raises(ClusterRefusedError, match=refused), starting_privately(LOG):
        pass


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ("size=1m", StorageError, r"no room for .*/ray \(No space left on device\)"),
        ("size=9m,ro", ClusterRefusedError, "Read-only file system"),
    ],
)
def test_a_full_disk_and_one_that_is_read_only(short, options, kind, said):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", short], check=False)
    if mounted.returncode:
        pytest.skip("only root can mount")
    try:
        with pytest.raises(kind, match=f"a Ray cannot start: .*{said}.*{ASKED}"), starting_privately(LOG):
            pass
    finally:
        subprocess.run(["umount", "--lazy", short], check=True)


def test_whatever_else_ray_raises_is_told_with_where_its_own_words_are(short):
    said = "cannot start on this machine .the raylet is dead.: run the job again.*logs/ray_start.log"
    with pytest.raises(ClusterError, match=said) as refusal, starting_privately(LOG):
        raise AssertionError("the raylet is dead\nsee elsewhere")
    assert refusal.value.exit_code == 75


def test_a_home_in_which_nothing_can_be_written(monkeypatch, tmp_path):
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    said = "file/.ray: Not a directory: set HOME to a folder of yours, or RAY_AUTH_TOKEN_PATH"
    with pytest.raises(ClusterRefusedError, match=said), needing_home():
        keep_token_private()


def test_a_token_is_made_where_it_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "own" / "token"))
    monkeypatch.setenv("HOME", "/nowhere")
    keep_token_private()
    assert (tmp_path / "own" / "token").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "own" / "token").read_text()) > 30
