"""Recognise videos with a trained model: one row per video with labels, kept timesteps, and cost."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import tyro

from epitoma.core.errors import ConfigError, ManifestError, RunError
from epitoma.core.gpu import GpuOption
from epitoma.datasets.indexed import stream_note
from epitoma.datasets.rejects import Reject, write_rejects
from epitoma.datasets.unlabelled import Unlabelled, list_unlabelled
from epitoma.files.claims import claimed
from epitoma.files.json_files import read_json, write_json
from epitoma.files.local_paths import InputPath
from epitoma.files.presence import is_file
from epitoma.files.uris import is_address, without_secrets
from epitoma.inference.predictions import PREDICTIONS_FILE, Predictions, key_of
from epitoma.inference.predictor import check_budget, check_top
from epitoma.models.speed import Speed
from epitoma.models.videoepitoma import ModelConfig, VideoEpitoma
from epitoma.on_ray.cluster.gpus import requested_gpus
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.on_ray.datasets.prepare import REJECTS_FILE
from epitoma.on_ray.predict.inference import PredictResults, predict_files
from epitoma.on_ray.predict.stages import PredictRequest
from epitoma.reporting.console import phase, say
from epitoma.training.checkpoint import MODEL_FILE, file_digest, load_model, model_folder, networks_of
from ray_jobs.parts.command_line import run_job

SETTINGS_FILE = "settings.json"
TIMES = ("decoding_ms", "light_ms", "heavy_ms")

KEPT_EVERY_SECONDS = 10.0
"""Longest time between writes of results: what a killed job has to predict again, beside videos in progress."""

_NAMED = 5


@dataclass(kw_only=True)
class PredictConfig(GpuOption):
    """Options of a prediction job.

    Attributes:
        model: Folder of a finished run.
        input: The videos: a folder (with its subfolders), a pattern in quotes, a manifest, one file or one address.
        output: Folder for predictions.parquet and rejects.parquet. A job run again on the same folder predicts only
            videos that are missing, new or changed.
        budget: Keep exactly this many timesteps of each video; None lets the model's gates decide.
        min_score: Leave out labels with a score below this, 0 to 1.
        top: Most labels to write per video.
        allow: A further folder, or address such as s3://bucket/, in which videos may lie, for example behind links.
            Can be given several times.
        speed: Precision and compilation of the networks.
    """

    model: InputPath
    input: str
    output: Path
    budget: int | None = None
    min_score: float = 0.0
    top: int = 5
    allow: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    speed: Speed = field(default_factory=Speed)

    def __post_init__(self) -> None:
        check_top(self.top)
        if not 0 <= self.min_score <= 1:
            raise ConfigError(f"min_score must be from 0 to 1, not {self.min_score}")

    @property
    def request(self) -> PredictRequest:
        """The same request for every video."""
        return PredictRequest(budget=self.budget, top=self.top, min_score=self.min_score)


def predict(config: PredictConfig) -> pa.Table:
    """Recognise every video that has no result yet, and print a summary of all.

    Returns:
        The predictions, in the order in which the videos are listed.

    Raises:
        EpitomaError: No such model or videos, none can be read, or the output holds results of other settings, or is in
            use by another job.
    """
    model, model_config = load_model(model_folder(config.model))
    check_budget(config.budget, model_config)
    networks_of(model).run_as(config.speed)
    with phase("list videos") as advance:
        listed = list_unlabelled(config.input, allow=config.allow)
        advance(len(listed.videos), len(listed.videos))
    if listed.note:
        say(f"  {listed.note}")
    with claimed(config.output, by="predict"):
        return _predicted(config, model, model_config, listed)


def _predicted(
    config: PredictConfig, model: VideoEpitoma, model_config: ModelConfig, listed: Unlabelled
) -> pa.Table:
    """Predict what the output folder lacks, and print a summary of all."""
    _check_settings(config)
    key_by_id = {video.video_id: key_of(video) for video in listed.videos}
    store = Predictions(config.output)
    missing = _missing(listed, store, key_by_id)
    rejects = list(listed.rejects)
    streams: dict[str, int] = {}
    if missing.videos:
        with ray_session(logs=config.output / "logs"), phase("recognise") as advance:
            gpus = requested_gpus(config.gpu)
            results = predict_files(missing, model, model_config, config.request, gpus=gpus)
            results = _with_streams_in(streams, results)
            watch = partial(advance, total=len(missing.videos))
            rejects = write_results(results, store, key_by_id, watch=watch, rejects=rejects)
    else:
        write_rejects(config.output / REJECTS_FILE, rejects)
    predictions = store.finish(list(key_by_id.values()))
    note = stream_note({video_id: streams[video_id] for video_id in key_by_id if video_id in streams})
    if note is not None:
        say(f"  {note}")
    _print_summary(config, predictions, rejects)
    return predictions


def _with_streams_in(streams: dict[str, int], results: Iterable[PredictResults]) -> Iterator[PredictResults]:
    """The results, whose streams are added to the others as they come."""
    for each in results:
        streams.update(each.streams)
        yield each


def write_results(
    results: Iterable[PredictResults],
    store: Predictions,
    key_by_id: Mapping[str, str],
    *,
    watch: Callable[[int], None],
    rejects: Sequence[Reject] = (),
    most_at_once: int = 2000,
) -> list[Reject]:
    """Write results as they come in, so that an interrupted job loses little.

    Args:
        results: Results of videos, in any order.
        store: Where to write them.
        key_by_id: Keys of the videos (see :func:`key_of`).
        watch: Called with the number of videos that have a result.
        rejects: Videos of which it is known already that they cannot be read.
        most_at_once: Write when this many rows are waiting, or when ten seconds have passed.

    Returns:
        Videos that cannot be read.
    """
    known, rejects = len(rejects), list(rejects)
    rows: list[dict[str, Any]] = []
    written, written_at = 0, time.monotonic()

    def keep() -> None:
        store.write(rows)
        write_rejects(store.folder / REJECTS_FILE, rejects)

    try:
        for each in results:
            rows += [{**row, "key": key_by_id[row["video_id"]]} for row in each.rows]
            rejects += each.rejects
            watch(written + len(rows) + len(rejects) - known)
            if len(rows) >= most_at_once or time.monotonic() - written_at >= KEPT_EVERY_SECONDS:
                keep()
                written, written_at, rows = written + len(rows), time.monotonic(), []
    finally:
        keep()
    return rejects


def _check_settings(config: PredictConfig) -> None:
    """Write the model and request into the output folder, or check that they are those of an earlier job.

    Raises:
        RunError: The folder holds results of another model, input or request.
    """
    file = config.output / SETTINGS_FILE
    settings = {
        "model": file_digest(model_folder(config.model) / MODEL_FILE),
        "input": without_secrets(config.input) if is_address(config.input) else os.path.abspath(config.input),
        **asdict(config.request),
        "precision": config.speed.precision,
    }
    if is_file(file):
        before = read_json(file)
        changed = [f"{name} {before.get(name)}" for name in settings if before.get(name) != settings[name]]
        if changed:
            raise RunError(
                f"{config.output} holds predictions of {', '.join(changed)}: choose another --output, or remove it"
            )
    write_json(file, settings)


def _missing(listed: Unlabelled, store: Predictions, key_by_id: Mapping[str, str]) -> Unlabelled:
    done = store.keys()
    missing = tuple(video for video in listed.videos if key_by_id[video.video_id] not in done)
    if len(missing) < len(listed.videos):
        say(f"  {len(listed.videos) - len(missing)} of {len(listed.videos)} videos are done already")
    return replace(listed, videos=missing)


def _print_summary(config: PredictConfig, predictions: pa.Table, rejects: Sequence[Reject]) -> None:
    for reject in rejects[:_NAMED]:
        say(f"  rejected {reject.path}: {reject.reason}")
    if len(rejects) > _NAMED:
        say(f"  and {len(rejects) - _NAMED} more: {config.output / REJECTS_FILE}")
    if not len(predictions):
        raise ManifestError(f"none of {len(rejects)} videos of {config.input} can be read")
    first = Counter(labels[0] if labels else "none" for labels in predictions["labels"].to_pylist())
    counts = ", ".join(f"{label} {count}" for label, count in first.most_common(_NAMED))
    say(f"  best labels: {counts}{', ...' if len(first) > _NAMED else ''}")
    mean = {name: predictions[name].to_numpy().mean() for name in ("kept", "candidates", "gmacs", *TIMES)}
    times = ", ".join(f"{name.removesuffix('_ms')} {mean[name]:.0f}" for name in TIMES)
    say(
        f"  in the mean {mean['kept']:.1f} of {mean['candidates']:.0f} timesteps kept, {mean['gmacs']:.3g} GMACs, "
        f"and ms of {times}"
    )
    say(f"  {config.output / PREDICTIONS_FILE}: {len(predictions)} videos")


def main() -> None:
    """Run the command."""
    run_job(PredictConfig, predict, about=__doc__)


if __name__ == "__main__":
    main()
