"""Figures: tradeoff curves and training curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from epitoma.tradeoff import Spread, TradeoffPoint

COLOURS = {
    "selector": "#c1272d",
    "gate": "#c1272d",
    "uniform": "#0000a7",
    "random": "#777777",
    "dense": "#1a1a1a",
}
MARKERS = {"selector": "o", "gate": "*", "uniform": "s", "random": "^", "dense": "D"}
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What stands beside a figure's axes and above it."""

    cost: str
    score: str
    title: str


def tradeoff_figure(points: Sequence[TradeoffPoint], path: Path, *, title: str, score_name: str) -> None:
    """Score against GMACs for every way of choosing timesteps; budgets are written beside the points."""
    figure, axes = plt.subplots(figsize=(7.5, 5))
    for sampling in dict.fromkeys(point.sampling for point in points):
        for classifier in dict.fromkeys(point.classifier for point in points):
            curve = [p for p in points if (p.sampling, p.classifier) == (sampling, classifier)]
            _draw_curve(axes, curve)
    axes.set(xscale="log", xlabel="GMACs a video", ylabel=score_name, title=title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)


def spread_figure(spreads: Sequence[Spread], path: Path, *, title: str, score_name: str) -> None:
    """Mean score against timesteps for every way of choosing them, with a band of one standard deviation."""
    figure, axes = plt.subplots(figsize=(7.5, 5))
    for sampling in dict.fromkeys(spread.sampling for spread in spreads):
        curve = [spread for spread in spreads if spread.sampling == sampling]
        timesteps, means = [s.timesteps for s in curve], [s.mean for s in curve]
        colour = COLOURS.get(sampling, "#2e8b57")
        axes.plot(timesteps, means, marker=MARKERS.get(sampling, "x"), color=colour, label=sampling)
        low, high = [s.mean - s.std for s in curve], [s.mean + s.std for s in curve]
        axes.fill_between(timesteps, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set(xlabel="timesteps kept", ylabel=score_name, title=title)
    axes.xaxis.set_major_formatter("{x:.0f}")
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
    """Fronts of score against cost as staircases, over everything they were chosen from.

    Args:
        clouds: (cost, score) of all that was tried, by way.
        fronts: (cost, score) of the best, by way.
        path: Where to write.
        labels: Of the axes and the whole.
    """
    figure, axes = plt.subplots(figsize=(7.5, 5))
    for name, points in clouds.items():
        axes.scatter(*zip(*points, strict=True), s=5, alpha=0.15, color=COLOURS[name], linewidths=0)
    for name, points in fronts.items():
        costs, scores = zip(*points, strict=True)
        axes.step(costs, scores, where="post", color=COLOURS[name], alpha=0.5)
        axes.scatter(costs, scores, marker=MARKERS[name], color=COLOURS[name], label=name, zorder=3)
    axes.set(xscale="log", xlabel=labels.cost, ylabel=labels.score, title=labels.title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, path)


def training_figure(history: Sequence[dict[str, float]], path: Path, *, title: str) -> None:
    """Loss and score, and timesteps kept, by epoch."""
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


def memory_figure(starts: Sequence[Mapping[str, float]], path: Path) -> None:
    """Time to the first batch, and memory of the processes that hold a manifest, against its videos."""
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
        axes.set(xscale="log", xlabel="videos of the manifest")
        axes.grid(alpha=0.3)
    _save(figure, path)


def _draw_curve(axes: Axes, curve: Sequence[TradeoffPoint]) -> None:
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


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
