"""Figures of results: tradeoff, training and study curves, explanations of predictions, sheets of kernels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

# Before pyplot is imported, which selects a backend: workers and servers have no display.
mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.files.atomic import renamed_when_whole
from epitoma.inference.explanation import Explanation
from epitoma.reporting.plain_text import legend, log_scale
from epitoma.studies.class_ratios import ClassRatio
from epitoma.studies.rows import StudyRow

COLOURS = {
    "selector": "#c1272d",
    "gate": "#c1272d",
    "uniform": "#0000a7",
    "random": "#777777",
    "dense": "#1a1a1a",
}
MARKERS = {"selector": "o", "gate": "*", "uniform": "s", "random": "^", "dense": "D"}
STYLES = {"selector": "-", "gate": "none", "uniform": "--", "random": ":", "dense": "none"}
Point = tuple[float, float]
Against = Literal["timesteps", "gmacs"]


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Text of a figure.

    Attributes:
        cost: Label of the x axis.
        score: Label of the y axis.
        title: Text above the axes.
    """

    cost: str
    score: str
    title: str


def tradeoff_figure(points: Sequence[TradeoffPoint], path: Path, *, title: str, score_name: str) -> None:
    """Plot score against GMACs, a curve for each sampling and classifier, with budgets beside the selector's points."""
    figure, axes = plt.subplots(figsize=(7.5, 5))
    for sampling in dict.fromkeys(point.sampling for point in points):
        for classifier in dict.fromkeys(point.classifier for point in points):
            curve = [p for p in points if (p.sampling, p.classifier) == (sampling, classifier)]
            _draw_curve(axes, curve)
    axes.set(xlabel="GMACs a video", ylabel=score_name, title=title)
    log_scale(axes)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)


def front_figure(
    clouds: Mapping[str, Sequence[Point]],
    fronts: Mapping[str, Sequence[Point]],
    path: Path,
    *,
    labels: Labels,
) -> None:
    """Plot Pareto fronts of score against cost as staircases, over all the points they were chosen from.

    Args:
        clouds: (cost, score) of all points, by sampling.
        fronts: (cost, score) of the best points, by sampling.
        path: File to write.
        labels: Text of the figure.
    """
    figure, axes = plt.subplots(figsize=(7.5, 5))
    for name, points in clouds.items():
        axes.scatter(*zip(*points, strict=True), s=5, alpha=0.15, color=COLOURS[name], linewidths=0)
    for name, points in fronts.items():
        costs, scores = zip(*points, strict=True)
        axes.step(costs, scores, where="post", color=COLOURS[name], alpha=0.5)
        axes.scatter(costs, scores, marker=MARKERS[name], color=COLOURS[name], label=name, zorder=3)
    axes.set(xlabel=labels.cost, ylabel=labels.score, title=labels.title)
    log_scale(axes)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)


def training_figure(history: Sequence[dict[str, float]], path: Path, *, title: str) -> None:
    """Plot loss and score, and in a second panel the timesteps kept, by epoch."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    for axes, names in (
        (left, ("train/loss", "validation/score")),
        (right, ("train/timesteps", "validation/timesteps")),
    ):
        for name in names:
            known = [(row["epoch"], row[name]) for row in history if name in row]
            axes.plot(*zip(*known, strict=True), label=name)
        axes.set(xlabel="epoch")
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    _save(figure, path)


def study_figure(rows: Sequence[StudyRow], path: Path, *, against: Against, labels: Labels) -> None:
    """Plot the scores of a study over seeds, a colour for each setting and a line style for each sampling.

    Args:
        rows: Mean and deviation of each setting, sampling and budget.
        path: PNG to write; an SVG is written beside it.
        against: Quantity of the x axis.
        labels: Text of the figure.
    """
    figure, axes = plt.subplots(figsize=(8, 5))
    settings = list(dict.fromkeys(row.setting for row in rows))
    colours = mpl.color_sequences["tab10" if len(settings) <= 10 else "tab20"]
    for number, setting in enumerate(settings):
        for sampling in dict.fromkeys(row.sampling for row in rows if row.setting == setting):
            own = [row for row in rows if (row.setting, row.sampling) == (setting, sampling)]
            axes.errorbar(
                [getattr(row, against) for row in own],
                [row.mean for row in own],
                yerr=[row.std for row in own],
                marker=MARKERS[sampling],
                linestyle=STYLES[sampling],
                color=colours[number % len(colours)],
                capsize=2,
                label=f"{setting}, {sampling}",
            )
    log_scale(axes, base=2 if against == "timesteps" else 10)
    axes.set(xlabel=labels.cost, ylabel=labels.score, title=labels.title)
    axes.grid(alpha=0.3)
    # Outside the axes: an ablation has dozens of curves, and their legend would cover them.
    legend(axes, loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=7)
    _save(figure, path, path.with_suffix(".svg"))


def ratio_figure(ratios: Sequence[ClassRatio], path: Path, *, title: str) -> None:
    """Plot the share of timesteps that gates keep, by class, a bar for each setting, as PNG and SVG."""
    settings = list(dict.fromkeys(ratio.setting for ratio in ratios))
    classes = list(dict.fromkeys(ratio.label for ratio in ratios))
    width = 0.8 / len(settings)
    figure, axes = plt.subplots(figsize=(max(7.5, 0.6 * len(classes)), 4.5))
    for number, setting in enumerate(settings):
        own = [ratio for ratio in ratios if ratio.setting == setting]
        places = [classes.index(ratio.label) + (number - (len(settings) - 1) / 2) * width for ratio in own]
        means, deviations = [ratio.mean for ratio in own], [ratio.std for ratio in own]
        axes.bar(places, means, width, yerr=deviations, capsize=2, label=setting)
    axes.set_xticks(range(len(classes)), classes, rotation=60, ha="right", fontsize=8)
    axes.set(ylabel="ratio of selected timesteps", title=title)
    axes.grid(alpha=0.3, axis="y")
    legend(axes, fontsize=8)
    _save(figure, path, path.with_suffix(".svg"))


def memory_figure(starts: Sequence[Mapping[str, float]], path: Path) -> None:
    """Plot time to the first batch, and peak memory of driver and worker, against the videos of a manifest."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    rows = [start["rows"] for start in starts]
    left.plot(rows, [start["seconds"] for start in starts], marker="o", color=COLOURS["selector"])
    left.set(ylabel="seconds to the first batch", ylim=(0, None))
    for name, label in (("driver_gib", "driver"), ("worker_gib", "training worker")):
        right.plot(rows, [start[name] for start in starts], marker="o", label=label)
    right.axhline(2, color=COLOURS["random"], linestyle="--", linewidth=1, label="wanted at most")
    right.set(ylabel="most memory, GiB", ylim=(0, None))
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.set(xlabel="videos of the manifest")
        log_scale(axes)
        axes.grid(alpha=0.3)
    _save(figure, path)


def explanation_figure(explanation: Explanation, path: Path, *, title: str, most_pictures: int = 12) -> None:
    """Plot what a prediction is based on: pictures of the best timesteps that were kept, over the scores of all.

    Args:
        explanation: Timesteps of one video with their scores.
        path: File to write.
        title: Text above the figure.
        most_pictures: Pictures to show at most.
    """
    kept = np.flatnonzero(explanation.kept_T)
    shown = np.sort(kept[np.argsort(-explanation.alpha_T[kept], kind="stable")[:most_pictures]])
    figure = plt.figure(figsize=(max(8.0, 1.3 * len(shown)), 4.2))
    grid = figure.add_gridspec(2, len(shown), height_ratios=(1, 1.6))
    for column, timestep in enumerate(shown):
        axes = figure.add_subplot(grid[0, column])
        axes.imshow(explanation.pictures_THWC[timestep])
        axes.set_title(f"{explanation.seconds_T[timestep]:.1f} s", fontsize=8)
        axes.set_axis_off()
    axes = figure.add_subplot(grid[1, :])
    axes.plot(explanation.seconds_T, explanation.alpha_T, color=COLOURS["random"], linewidth=1)
    dropped = ~explanation.kept_T
    axes.scatter(
        explanation.seconds_T[dropped],
        explanation.alpha_T[dropped],
        s=14,
        color=COLOURS["random"],
        label="not kept",
    )
    axes.scatter(
        explanation.seconds_T[kept], explanation.alpha_T[kept], s=30, color=COLOURS["selector"], label="kept"
    )
    axes.set(xlabel="seconds", ylabel="alpha", xlim=(0, explanation.duration_seconds))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.suptitle(title, fontsize=10)
    _save(figure, path)


def sheet_figure(sheets: Sequence[np.ndarray], path: Path, *, title: str) -> None:
    """Plot sheets of concept kernels below each other, with the kernels' numbers.

    Args:
        sheets: uint8 ``(H, W, 3)`` for each kernel, all of one size.
        path: File to write.
        title: Text above the figure.
    """
    height, width, _ = sheets[0].shape
    scale = 8.0 / width
    figure, axes = plt.subplots(figsize=(8.6, 0.8 + scale * height * len(sheets)))
    axes.imshow(np.concatenate(sheets))
    names = [str(number) for number in range(len(sheets))]
    axes.set_yticks([height * (number + 0.5) for number in range(len(sheets))], names)
    axes.set(ylabel="concept kernel", title=title)
    axes.set_xticks([])
    _save(figure, path)


def jpeg(picture_HWC: np.ndarray) -> bytes:
    """Encode a picture, uint8 ``(H, W, 3)``, as a JPEG file."""
    content = BytesIO()
    plt.imsave(content, picture_HWC, format="jpeg")
    return content.getvalue()


def _draw_curve(axes: Axes, curve: Sequence[TradeoffPoint]) -> None:
    """Draw the points of one sampling and classifier; not every pair of them has any."""
    if not curve:
        return
    first = curve[0]
    label = first.sampling if first.classifier == "own" else f"{first.sampling}, reference classifier"
    axes.plot(
        [point.gmacs for point in curve],
        [point.score for point in curve],
        marker=MARKERS[first.sampling],
        markersize=13 if first.sampling == "gate" else 6,
        linestyle="-" if first.classifier == "own" else "--",
        color=COLOURS[first.sampling],
        label=label,
        zorder=3 if first.sampling in ("gate", "selector") else 2,
    )
    for point in curve if first.sampling == "selector" else ():
        axes.annotate(
            f"{point.budget}",
            (point.gmacs, point.score),
            textcoords="offset points",
            xytext=(4, 6),
            fontsize=8,
        )


def _save(figure: Figure, *paths: Path) -> None:
    """Write a figure to every path, and free it: pyplot keeps figures until they are closed."""
    figure.tight_layout()
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        with renamed_when_whole(path) as aside:
            figure.savefig(aside, dpi=130, bbox_inches="tight")
    plt.close(figure)
