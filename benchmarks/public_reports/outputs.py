"""Where jobs write, which files of a folder they take, and what a submitted job takes along."""

import os
import shutil
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
from ray._private.ray_constants import get_runtime_env_default_excludes
from ray._private.runtime_env.packaging import create_package

from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import Done, epitoma
from benchmarks.public_reports.odd_names import FRAMES, NAMES, write_odd_films
from benchmarks.public_reports.tiny_data import EXTRACT, manifest, model
from epitoma.files.local_paths import RAY_JOB

REPOSITORY = Path(__file__).parents[2]
TO_ADDRESSES = (
    "prepare synthetic --output s3://bucket/data",
    "prepare folder --root /films --output gs://bucket/data",
    "train --manifest /m.parquet --name first --runs s3://bucket/runs",
    "finetune --manifest /m.parquet --name first --runs https://host/runs",
    "sweep --manifest /m.parquet --name first --features hdfs://host/features",
    "extract --manifest /m.parquet --features s3://bucket/features",
    "predict --model /run --input /films --output s3://bucket/out",
    "explain --model /run --video s3://bucket/film.mp4 --output s3://bucket/page",
    "evaluate --run s3://bucket/run --manifest /m.parquet",
    "report cost --json file:///out.json",
    "demo --runs s3://bucket/demo",
)
RELATIVE = (
    "train --manifest /m.parquet --name first",
    "prepare synthetic --output data",
    "predict --model /run --input /films --output out",
    "extract --manifest /m.parquet",
)


def _refused(folder: Path, lines: tuple[str, ...], *words: str, environment: dict[str, str]) -> Seen:
    """Whether all commands end with exit code 2 in one line with these words, and make nothing."""
    ended = {line: epitoma(*line.split(), folder=folder, environment=environment) for line in lines}
    bad = [line for line, done in ended.items() if not done.ends_with(2, "error: ", *words)]
    # Hidden ones are caches of libraries in the home, which is this folder.
    made = sorted(path.name for path in folder.glob("[!.]*"))
    said = "; ".join(f"{line}: {ended[line].last_line}" for line in bad)
    last = next(iter(ended.values())).last_line
    return Seen(
        ok=not bad and not made, said=said or (f"made {made}" if made else f"{len(lines)} times: {last}")
    )


@case
def outputs_at_addresses(folder: Path) -> Seen:
    """Every job is given an address to write to."""
    return _refused(folder, TO_ADDRESSES, "is an address", "NFS, EFS, FSx or Lustre", environment={})


@case
def relative_outputs_in_a_ray_job(folder: Path) -> Seen:
    """Jobs with relative outputs, given or by default, in the environment of a submitted job."""
    return _refused(folder, RELATIVE, "relative path inside a Ray job", environment={RAY_JOB: "{}"})


def _folder_of_odd_films(folder: Path) -> Path:
    write_odd_films(folder / "films" / "tea")
    for name in ("coffee/a.mp4", "coffee/b.mp4"):
        (folder / "films" / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / "films" / "tea" / "bare", folder / "films" / name)
    (folder / "films" / "coffee" / "broken.wmv").write_bytes(b"no film")
    (folder / "films" / "coffee" / "notes.txt").write_text("no film")
    return folder / "films"


@case
def films_of_odd_names_are_prepared(folder: Path) -> Seen:
    """A class folder of .MTS, .m2ts, .wmv, .flv, .3gp, .dv, .gif, .vob and files without a suffix."""
    films = _folder_of_odd_films(folder)
    done = epitoma("prepare", "folder", "--root", films, "--output", "data", folder=folder)
    if done.code != 0:
        return Seen(ok=False, said=done.last_line)
    rows = pq.read_table(folder / "data" / "manifest.parquet").to_pylist()
    whole = {row["video_id"] for row in rows if row["frame_count"] == FRAMES}
    rejects = pq.read_table(folder / "data" / "rejects.parquet")["video_id"].to_pylist()
    wanted = {"coffee/a.mp4", "coffee/b.mp4", *(f"tea/{name}" for name in NAMES)}
    ok = (
        whole == wanted
        and rejects == ["coffee/broken.wmv"]
        and "not taken for videos: 1 .txt" in done.printed
    )
    return Seen(ok=ok, said=f"{len(whole)} of {len(wanted)} films, rejects {rejects}, notes.txt counted")


@case
def films_of_odd_names_are_recognised(folder: Path) -> Seen:
    """The same folder as an input of predict."""
    films = _folder_of_odd_films(folder)
    done = epitoma(*("predict", "--model", model(folder), "--input", films, "--output", "out"), folder=folder)
    if done.code != 0:
        return Seen(ok=False, said=done.last_line)
    found = len(pq.read_table(folder / "out" / "predictions.parquet"))
    rejects = pq.read_table(folder / "out" / "rejects.parquet")["video_id"].to_pylist()
    counted = "not taken for videos: 1 .txt" in done.printed
    ok = found == len(NAMES) + 2 and rejects == ["coffee/broken.wmv"] and counted
    return Seen(ok=ok, said=f"{found} films, rejects {rejects}, notes.txt counted: {counted}")


def _splits(folder: Path, *names: str) -> Done:
    """Prepare a folder of splits with these names, each with a film of a class."""
    write_odd_films(folder / "odd")
    for name in names:
        place = folder / "-".join(names) / name / "tea" / "film.mp4"
        place.parent.mkdir(parents=True)
        shutil.copyfile(folder / "odd" / "bare", place)
    out = f"out-{'-'.join(names)}"
    return epitoma("prepare", "folder", "--root", "-".join(names), "--output", out, folder=folder)


@case
def splits_in_any_case(folder: Path) -> Seen:
    """Train/ Val/ Test/, training/ dev/ testing/, and a split beside classes."""
    said = []
    for names in (("Train", "Val", "Test"), ("training", "dev", "testing")):
        done = _splits(folder, *names)
        said.append(f"{' '.join(names)}: {done.last_line}")
        if done.code != 0 or "1 train, 1 validation, 1 test, 1 classes" not in done.last_line:
            return Seen(ok=False, said=said[-1])
    mixed = _splits(folder, "Test", "coffee")
    ok = mixed.ends_with(2, "has Test/ and, beside it, videos in coffee")
    return Seen(ok=ok, said="; ".join([*said, mixed.last_line]))


@case
def storage_that_was_away(folder: Path) -> Seen:
    """A video that cannot be read for a minute, and is as it was when features are needed again."""
    data = manifest(folder)
    film = sorted(data.parent.glob("**/*.mp4"))[3]
    content, status = film.read_bytes(), film.stat()
    words = [
        "extract",
        "--manifest",
        data,
        "--networks-from",
        model(folder),
        "--features",
        "features",
        *EXTRACT,
    ]
    rejected = []
    for state in (bytes(len(content)), content):
        film.write_bytes(state)
        os.utime(film, ns=(status.st_atime_ns, status.st_mtime_ns))
        done = epitoma(*words, folder=folder)
        if done.code != 0:
            return Seen(ok=False, said=done.last_line)
        (file,) = (folder / "features").glob("*/rejects.parquet")
        rejected.append(len(pq.read_table(file)))
    return Seen(ok=rejected == [1, 0], said=f"rejects while it was away and after: {rejected}")


@case
def only_code_is_uploaded(folder: Path) -> Seen:
    """A checkout with films, data, predictions and an environment, packed as `ray job submit` does."""
    work, package = folder / "checkout", folder / "package.zip"
    for name in ("epitoma", "ray_jobs", "tune_spaces"):
        shutil.copytree(REPOSITORY / name, work / name)
    for name in (".gitignore", ".rayignore"):
        shutil.copyfile(REPOSITORY / name, work / name)
    for name in (
        "my_videos/film.mp4",
        "my_videos/bare",
        "data/m.parquet",
        "predictions/p.parquet",
        "env/lib/x.py",
    ):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(b"x")
    create_package(str(work), package, include_gitignore=True, excludes=get_runtime_env_default_excludes())
    with zipfile.ZipFile(package) as archive:
        sent = {name for name in archive.namelist() if not name.endswith("/")}
    code = {
        str(file.relative_to(REPOSITORY))
        for name in ("epitoma", "ray_jobs", "tune_spaces")
        for file in (REPOSITORY / name).rglob("*.py")
    }
    extra = sorted(sent - code)
    said = f"{len(sent)} files, {package.stat().st_size} bytes, beside code: {extra or 'nothing'}"
    return Seen(ok=sent == code, said=said)
