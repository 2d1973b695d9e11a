"""The system says no: disks, folders, links, limits, and a private Ray that cannot start."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import Done, epitoma, start
from benchmarks.public_reports.tiny_data import TRAIN, manifest
from benchmarks.public_reports.tracked import ended, epochs_done, train_words, wait_for
from benchmarks.running_job import kill_titled

SYNTHETIC = ["prepare", "synthetic", "--dataset.train-videos", "2", "--dataset.size", "32"]
ANOTHER = 12345
"""An account of the machine that is in no list and has no home."""

_TEMPORARY = "set RAY_TMPDIR to a folder of yours"


@case
def ray_without_home(folder: Path) -> Seen:
    """An account without a home, as containers have them, and no HOME."""
    return _refused(
        _started(folder, {"HOME": ""}, user=ANOTHER, unset=["HOME"]), 2, "set HOME to a folder of yours"
    )


@case
def ray_with_the_root_as_home(folder: Path) -> Seen:
    """HOME=/ of an account that may not write there."""
    return _refused(
        _started(folder, {"HOME": "/"}, user=ANOTHER), 2, "/.ray: Permission denied", "RAY_AUTH_TOKEN_PATH"
    )


@case
def ray_without_home_but_a_place_for_its_token(folder: Path) -> Seen:
    """What the line says to set heals it."""
    own = {"RAY_AUTH_TOKEN_PATH": str(folder / "token"), "RAY_TMPDIR": mkdtemp(prefix="e", dir="/tmp")}
    os.chown(own["RAY_TMPDIR"], ANOTHER, ANOTHER)
    done = _started(folder, own, user=ANOTHER, unset=["HOME"])
    return Seen(
        "start a Ray on this machine" in done.printed and "cannot start" not in done.printed, done.last_line
    )


@case
def ray_in_a_long_folder(folder: Path) -> Seen:
    """A TMPDIR whose name is too long for sockets."""
    return _refused(_started(folder, {"TMPDIR": f"/tmp/{90 * 'l'}"}), 2, "letters too long", _TEMPORARY)


@case
def ray_in_a_folder_of_another(folder: Path) -> Seen:
    """/tmp/ray belongs to another account."""
    with short_folder() as place:
        place.chmod(0o777)
        (place / "ray").mkdir(mode=0o700)
        done = _started(folder, {"RAY_TMPDIR": str(place)}, user=ANOTHER)
    return _refused(done, 2, f"{place}/ray: Permission denied", _TEMPORARY)


@case
def ray_on_a_full_disk(folder: Path) -> Seen:
    """A full /tmp."""
    with disk("size=1m") as place:
        return _refused(_started(folder, {"RAY_TMPDIR": str(place)}), 75, "no room for", _TEMPORARY)


@case
def ray_on_a_disk_that_is_read_only(folder: Path) -> Seen:
    """A /tmp that is read-only."""
    with disk("ro") as place:
        return _refused(_started(folder, {"RAY_TMPDIR": str(place)}), 2, "Read-only file system", _TEMPORARY)


@case
def ray_without_a_temporary_folder(folder: Path) -> Seen:
    """A TMPDIR that is nowhere and cannot be made."""
    done = _started(folder, {"TMPDIR": "/proc/nowhere"})
    return _refused(done, 2, "/proc/nowhere/ray: No such file or directory", _TEMPORARY)


@case
def ray_with_too_few_open_files(folder: Path) -> Seen:
    """A limit of open files at which Ray's processes cannot live."""
    done = epitoma(*SYNTHETIC, "--output", "out", folder=folder, through=["prlimit", "--nofile=48:48"])
    return Seen(
        done.code in (2, 75) and not done.has_traceback and done.last_line.startswith("error: "),
        done.last_line,
    )


@case
def output_on_a_full_disk(folder: Path) -> Seen:
    """A run on a disk that is full."""
    data = manifest(folder)
    with disk("size=64k") as place:
        (place / "filler").write_bytes(bytes(60_000))
        done = epitoma("train", "--manifest", data, "--name", "x", "--runs", place, *TRAIN, folder=folder)
        return _refused(done, 75, "no room for", "make room and run the job again")


@case
def output_on_a_disk_that_is_read_only(folder: Path) -> Seen:
    """A run, and a dataset, on a disk that can only be read."""
    data = manifest(folder)
    with disk("ro") as place:
        train = epitoma("train", "--manifest", data, "--name", "x", "--runs", place, *TRAIN, folder=folder)
        made = epitoma(*SYNTHETIC, "--output", place / "out", folder=folder)
        return _both(
            *(_refused(each, 2, "Read-only file system", "choose another folder") for each in (train, made))
        )


@case
def output_of_another(folder: Path) -> Seen:
    """A folder of runs in which this account may not write."""
    data = manifest(folder)
    (folder / "theirs").mkdir(mode=0o755)
    command = ["train", "--manifest", data, "--name", "x", "--runs", "theirs", *TRAIN]
    done = epitoma(*command, folder=folder, through=_as(ANOTHER))
    return _refused(done, 2, "theirs/x: Permission denied", "choose another folder")


@case
def a_name_of_300_letters(folder: Path) -> Seen:
    """``--name`` longer than names of files may be."""
    done = epitoma("train", "--manifest", manifest(folder), "--name", 300 * "n", *TRAIN, folder=folder)
    return _refused(done, 2, "File name too long", "choose a shorter name")


@case
def a_link_to_itself(folder: Path) -> Seen:
    """Output below a link that leads back to itself."""
    (folder / "loop").symlink_to("loop")
    done = epitoma(*SYNTHETIC, "--output", "loop/out", folder=folder)
    return _refused(done, 2, "Too many levels of symbolic links", "a link leads back to itself")


@case
def a_disk_that_fails(folder: Path) -> Seen:
    """A file whose reading gives an input/output error."""
    done = epitoma("train", "--config", "/proc/self/mem", folder=folder)
    return _refused(done, 75, "Input/output error", "run the job again")


@case
def a_traceback_where_it_is_asked_for(folder: Path) -> Seen:
    """EPITOMA_DEBUG=1 shows the traceback, and the line after it."""
    command = ["train", "--manifest", "gone.parquet", "--name", "x"]
    plain = epitoma(*command, folder=folder)
    debug = epitoma(*command, folder=folder, environment={"EPITOMA_DEBUG": "1"})
    same = (plain.code, plain.last_line) == (debug.code, debug.last_line)
    return Seen(
        same and debug.has_traceback and plain.ends_with(2, "no manifest at gone.parquet"), debug.last_line
    )


@case
def a_training_worker_that_is_killed(folder: Path) -> Seen:
    """A worker is lost, and the run may not begin another: it may be tried again."""
    words = [*train_words(epochs=200), "--workers.max-failures", "0"]
    job = start(*words, folder=folder)
    wait_for(lambda: epochs_done(folder / "runs" / "one") > 1, job)
    killed = kill_titled(job.pid, "ray::RayTrainWorker")
    done = ended(job)
    return Seen(killed > 0 and done.ends_with(75, "Ray lost", "--resume"), done.last_line)


@case
def a_machine_without_python_3_11(folder: Path) -> Seen:
    """``make`` takes the first Python that is there; constraints resolve for each of them."""
    for name, file in {
        "python3.13": sys.executable,
        "sh": shutil.which("sh"),
        "make": shutil.which("make"),
    }.items():
        (folder / name).symlink_to(file or name)
    command = ["make", "--silent", "--eval", "chosen: ; $(info $(PYTHON))", "chosen"]
    code = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=code, env={"PATH": str(folder)}, capture_output=True, text=True, check=False
    )
    said = (done.stdout + done.stderr).strip()
    return Seen(done.returncode == 0 and said == "python3.13", said)


@case
def help_that_imports_little(folder: Path) -> Seen:
    """``epitoma --help`` took 3.2 s of CPU, torch's import among it."""
    torch = _cpu_seconds([sys.executable, "-c", "import torch"], folder)
    shown = _cpu_seconds([sys.executable, "-m", "ray_jobs.cli", "--help"], folder)
    return Seen(shown < torch / 2, f"{shown:.2f} s of CPU, where torch alone takes {torch:.2f}")


def _cpu_seconds(command: Sequence[str], folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": code}
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short name, as Ray's sockets need it."""
    place = Path(mkdtemp(prefix="e", dir="/tmp"))
    try:
        yield place
    finally:
        shutil.rmtree(place)


@contextmanager
def disk(options: str) -> Iterator[Path]:
    """A disk of its own in memory, with a short name (as root)."""
    with short_folder() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)


def _started(
    folder: Path, environment: dict[str, str], *, user: int | None = None, unset: Sequence[str] = ()
) -> Done:
    """A job that starts a private Ray."""
    through = [*(["env", *(f"--unset={name}" for name in unset)] if unset else [])]
    if user is not None:
        os.chown(folder, user, user)
        through += _as(user)
    return epitoma(*SYNTHETIC, "--output", "out", folder=folder, environment=environment, through=through)


def _as(user: int) -> list[str]:
    """Run as another account, which may read everything (Python may lie in root's home) and write nothing."""
    may_read = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *may_read]


def _refused(done: Done, code: int, *words: str) -> Seen:
    return Seen(done.ends_with(code, "error: ", *words), done.last_line)


def _both(*seen: Seen) -> Seen:
    return Seen(all(each.ok for each in seen), "; ".join(each.said for each in seen))
