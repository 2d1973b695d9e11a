"""Names are data: whatever a file, a folder, a class or a run is called, nothing reads it as anything else."""

import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import Done, epitoma
from benchmarks.public_reports.tiny_data import TRAIN, manifest, model
from epitoma.datasets.manifest import read_manifest

ODD_CLASSES = ["$a_$", "[red]b", "c|d^{2}", "<b>e"]
LATIN = os.fsdecode(b"caf\xe9.mp4")
ESCAPED = "caf\\xe9.mp4"


@case
def a_run_named_in_mathematics(folder: Path) -> Seen:
    """``--name 'cost_$1_vs_$2_'``, which matplotlib cannot read as mathematics; trained, and resumed."""
    name = "cost_$1_vs_$2_"
    data = manifest(folder)
    done = epitoma("train", "--manifest", data, "--name", name, *TRAIN, *_EPOCHS, folder=folder)
    written = [
        (folder / "runs" / name / each).exists() for each in ("model/model.safetensors", "training.png")
    ]
    more = ["--optimisation.epochs", "3", "--resume"]
    again = epitoma("train", "--manifest", data, "--name", name, *TRAIN, *more, folder=folder)
    ok = all(each.code == 0 and not each.has_traceback for each in (done, again)) and all(written)
    return Seen(ok, again.last_line)


@case
def a_run_and_classes_named_in_mark_up(folder: Path) -> Seen:
    """Brackets, pipes, tags and formulas in names of a run and of classes: trained, scored and printed as they are."""
    videos = _videos(folder)
    for number, label in enumerate(ODD_CLASSES):
        for place in range(4):
            _put(videos[(number + 4 * place) % len(videos)], folder / "set" / label / f"{place}.mp4")
    made = epitoma("prepare", "folder", "--root", "set", "--output", "out", folder=folder)
    name = "[red] :cat: $x_"
    data = ["--manifest", "out/manifest.parquet"]
    train = epitoma("train", *data, "--name", name, *TRAIN, *_EPOCHS, folder=folder)
    scored = epitoma("evaluate", *data, "--run", f"runs/{name}", "--split", "train", folder=folder)
    missing = [label for label in ODD_CLASSES if label not in made.printed]
    missing += [name for each in (train, scored) if name not in each.printed]
    wrong = [each.last_line for each in (made, train, scored) if each.code != 0 or each.has_traceback]
    said = f"not printed: {missing}" if missing else scored.last_line
    return Seen(not missing and not wrong, wrong[0] if wrong else said)


@case
def a_video_named_in_mathematics_and_tags(folder: Path) -> Seen:
    """``explain`` of a film called ``$1_vs_$100 <i>.mp4``."""
    _put(_videos(folder)[0], folder / "$1_vs_$100 <i>.mp4")
    done = epitoma("explain", "--model", model(folder), "--video", "$1_vs_$100 <i>.mp4", folder=folder)
    pages = [page.read_text() for page in folder.glob("run/explanation_*/explanation.html")]
    ok = (
        done.code == 0
        and len(pages) == 1
        and "<i>" not in pages[0]
        and "$1_vs_$100 &lt;i&gt;.mp4" in pages[0]
    )
    return Seen(ok, done.last_line)


@case
def a_working_folder_named_as_a_pattern(folder: Path) -> Seen:
    """A folder ``[x]``, and in it ``predict --input 'v/*.mp4'``."""
    place = folder / "[x]"
    _put(_videos(folder)[0], place / "v" / "a.mp4")
    command = ["predict", "--model", model(folder), "--input", "v/*.mp4", "--output", "out"]
    done = epitoma(*command, folder=place, environment={"HOME": str(folder)})
    return Seen(done.ends_with(0, "predictions.parquet: 1 videos"), done.last_line)


@case
def predict_with_a_name_that_is_not_utf_8(folder: Path) -> Seen:
    """One film among two whose name is in another encoding: one reject that names it, the other is recognised."""
    for name in ("a.mp4", LATIN):
        _put(_videos(folder)[0], folder / "v" / name)
    done = epitoma("predict", "--model", model(folder), "--input", "v", "--output", "out", folder=folder)
    return _one_reject(done, folder / "out", "predictions.parquet: 1 videos")


@case
def prepare_with_a_name_that_is_not_utf_8(folder: Path) -> Seen:
    """The same in a folder of classes, with a class too whose name is in another encoding."""
    for number, name in enumerate(("tea/a.mp4", "tea/b.mp4", "milk/c.mp4", f"tea/{LATIN}")):
        _put(_videos(folder)[number], folder / "set" / name)
    done = epitoma("prepare", "folder", "--root", "set", "--output", "out", folder=folder)
    return _one_reject(done, folder / "out", "2 classes")


@case
def an_argument_and_a_folder_that_are_not_utf_8(folder: Path) -> Seen:
    """``--name`` and the working folder itself in another encoding."""
    named = epitoma("train", "--manifest", "m", "--name", LATIN, folder=folder)
    (folder / LATIN).mkdir()
    inside = epitoma("train", "--manifest", "m", "--name", "x", folder=folder / LATIN)
    ok = named.ends_with(2, "an argument is not UTF-8", ESCAPED)
    return Seen(ok and inside.ends_with(2, "the working folder is not UTF-8", ESCAPED), inside.last_line)


@case
def a_terminal_that_knows_ascii_only(folder: Path) -> Seen:
    """LANG=C and PYTHONIOENCODING=ascii: what they lack is an escape."""
    _put(_videos(folder)[0], folder / "v" / "茶.mp4")
    poor = {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = epitoma(
        "explain", "--model", model(folder), "--video", "v/茶.mp4", folder=folder, environment=poor
    )
    told = epitoma("train", "--help", folder=folder, environment=poor)
    shown = "\\u8336.mp4" in done.printed
    return Seen(shown and (done.code, told.code) == (0, 0) and not done.has_traceback, done.last_line)


_EPOCHS = ["--optimisation.epochs", "2"]


def _videos(folder: Path) -> list[Path]:
    """Films of the dataset, which is made in the folder once."""
    made = folder / "data" / "manifest.parquet"
    return [
        Path(path) for path in read_manifest(made if made.exists() else manifest(folder)).resolved_paths()
    ]


def _put(video: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(video, place)


def _one_reject(done: Done, output: Path, *words: str) -> Seen:
    rejects = pq.read_table(output / "rejects.parquet").to_pylist()
    named = len(rejects) == 1 and ESCAPED in rejects[0]["path"] and "is not UTF-8" in rejects[0]["reason"]
    ok = named and done.code == 0 and not done.has_traceback and ESCAPED in done.printed
    return Seen(ok and all(word in done.last_line for word in words), done.last_line)
