"""Videos that kill or stall their decoder where a model is used: evaluate, predict, explain, and a sweep like a run."""

from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.bad_decoders import killing
from benchmarks.public_reports.cases import Seen, case
from benchmarks.public_reports.commands import Done, epitoma
from benchmarks.public_reports.hangs import KILLED, STALLED, Bad, dataset, stalling_in, victim_of
from benchmarks.public_reports.tiny_data import model, tiny_options

MODEL = ["--model", "run"]

SPACE = """from ray import tune

SEARCH = "variants"
TRIALS = 1
SPACE = {"optimisation.learning_rate": tune.grid_search([1e-3, 3e-4]), "optimisation.epochs": 1}
"""


def _with_a_model(folder: Path) -> Path:
    """A dataset and a model of its classes in a folder of one's own; returns a training video."""
    model(folder)
    return victim_of(dataset(folder))


def _goes_on(done: Done, victim: Path, word: str, *, parts: int = 1) -> Seen:
    """Whether a job has ended well, and has said why that one video was left out, once in each of its parts."""
    told = [line.strip() for line in done.printed.splitlines() if str(victim) in line and word in line]
    ok = (
        done.code == 0
        and not done.has_traceback
        and "(raylet)" not in done.printed
        and 1 <= len(told) <= parts
    )
    return Seen(ok=ok, said=told[0] if ok else done.printed[-2000:])


def _evaluate(folder: Path, bad: Bad, word: str) -> Seen:
    victim = _with_a_model(folder)
    data = ["--manifest", "data/manifest.parquet", "--split", "train", "--max-reject-share", "0.2"]
    done = epitoma("evaluate", "--run", "run", *data, folder=folder, environment=bad(victim))
    return _goes_on(done, victim, word)


def _predict(folder: Path, bad: Bad, word: str) -> Seen:
    victim = _with_a_model(folder)
    files = ["--input", "data/manifest.parquet", "--output", "out"]
    done = epitoma("predict", *MODEL, *files, folder=folder, environment=bad(victim))
    if done.code != 0:
        return Seen(ok=False, said=done.printed[-2000:])
    rejects = pq.read_table(folder / "out" / "rejects.parquet").to_pylist()
    videos = set(pq.read_table(folder / "out" / "predictions.parquet")["video_id"].to_pylist())
    ok = [row["path"] for row in rejects] == [str(victim)] and word in rejects[0]["reason"]
    return Seen(ok=ok and len(videos) == 17, said=f"{len(videos)} videos predicted, rejects {rejects}")


def _explain(folder: Path, bad: Bad, word: str) -> Seen:
    victim = _with_a_model(folder)
    done = epitoma("explain", *MODEL, "--video", victim, folder=folder, environment=bad(victim))
    return Seen(done.ends_with(2, str(victim), word), done.last_line)


def _explain_kernels(folder: Path, bad: Bad, word: str) -> Seen:
    victim = _with_a_model(folder)
    other = next(video for video in sorted((folder / "data").glob("**/test_*.mp4")))
    data = ["--video", other, "--manifest", "data/manifest.parquet", "--frames", "10"]
    stored = epitoma("explain", *MODEL, *data, folder=folder)
    if stored.code != 0:
        return Seen(ok=False, said=stored.printed[-2000:])
    # Its features are there now; its frames are still to be shown.
    done = epitoma("explain", *MODEL, *data, folder=folder, environment=bad(victim))
    return _goes_on(done, victim, word)


def _sweep(folder: Path, bad: Bad, word: str, *, source: str, confirm: int = 0) -> Seen:
    victim = _with_a_model(folder)
    (folder / "space.py").write_text(SPACE)
    options = ["--name", "sweep", "--like", tiny_options(), "--space", "space.py", "--source", source]
    arguments = ["sweep", "--manifest", "data/manifest.parquet", *options, "--features", "other_features"]
    arguments += ["--confirm", str(confirm)]
    done = epitoma(*arguments, folder=folder, environment=bad(victim), limit_seconds=480)
    # The sweep's own, and a confirmation's training and evaluation.
    return _goes_on(done, victim, word, parts=1 + 2 * confirm)


@case
def video_kills_decoder_in_evaluate(folder: Path) -> Seen:
    """Evaluate on videos of which one kills every process that opens it."""
    return _evaluate(folder, killing, KILLED)


@case
def video_stalls_decoder_in_evaluate(folder: Path) -> Seen:
    """Evaluate on videos from one of which FFmpeg never comes back."""
    return _evaluate(folder, stalling_in(folder), STALLED)


@case
def video_kills_decoder_in_predict(folder: Path) -> Seen:
    """Predict videos of which one kills every process that opens it."""
    return _predict(folder, killing, KILLED)


@case
def video_stalls_decoder_in_predict(folder: Path) -> Seen:
    """Predict videos from one of which FFmpeg never comes back."""
    return _predict(folder, stalling_in(folder), STALLED)


@case
def video_kills_decoder_in_explain(folder: Path) -> Seen:
    """Explain the one video that kills every process that opens it, by a model trained on the others."""
    return _explain(folder, killing, KILLED)


@case
def video_stalls_decoder_in_explain(folder: Path) -> Seen:
    """Explain a video from which FFmpeg never comes back."""
    return _explain(folder, stalling_in(folder), STALLED)


@case
def video_kills_decoder_in_sheets_of_kernels(folder: Path) -> Seen:
    """Show what excites concept kernels, where one of those videos kills every process that opens it."""
    return _explain_kernels(folder, killing, KILLED)


@case
def video_stalls_decoder_in_sheets_of_kernels(folder: Path) -> Seen:
    """Show what excites concept kernels, where FFmpeg never comes back from one of those videos."""
    return _explain_kernels(folder, stalling_in(folder), STALLED)


@case
def video_kills_decoder_in_sweep_from_features(folder: Path) -> Seen:
    """Sweep on features of videos of which one kills every process that opens it."""
    return _sweep(folder, killing, KILLED, source="features")


@case
def video_stalls_decoder_in_sweep_from_pixels(folder: Path) -> Seen:
    """Sweep from pixels on videos from one of which FFmpeg never comes back."""
    return _sweep(folder, stalling_in(folder), STALLED, source="pixels")


@case
def video_stalls_decoder_in_sweep_from_features(folder: Path) -> Seen:
    """Sweep on features of videos from one of which FFmpeg never comes back."""
    return _sweep(folder, stalling_in(folder), STALLED, source="features")


@case
def video_kills_decoder_in_sweep_from_pixels(folder: Path) -> Seen:
    """Sweep from pixels on videos of which one kills every process that opens it."""
    return _sweep(folder, killing, KILLED, source="pixels")


@case
def video_kills_decoder_where_trials_are_confirmed(folder: Path) -> Seen:
    """Confirm a trial of a sweep from features, where one video kills every process that opens it."""
    return _sweep(folder, killing, KILLED, source="features", confirm=1)
