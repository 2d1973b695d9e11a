"""Report of a sweep's result: its front as figure, table and JSON, in its folder and on its MLflow run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epitoma.core.config import CONFIG_FILE
from epitoma.files.atomic import write_text
from epitoma.files.json_files import write_json
from epitoma.reporting.console import console, say
from epitoma.reporting.plots import Labels, front_figure
from epitoma.reporting.tables import front_table
from epitoma.sweeps.result import TRIALS, CostName, SweepResult, cost_of_point, measured
from epitoma.tracking.entries import link_to_run
from epitoma.tracking.run_tracker import RunTracker
from epitoma.training.checkpoint import MODEL

FRONT_JSON, FRONT_MARKDOWN, BEST_CONFIG = "front.json", "front.md", "best.json"
FIGURES: dict[CostName, str] = {"gmacs": "front.png", "milliseconds": "front_milliseconds.png"}
COST_LABELS: dict[CostName, str] = {
    "gmacs": "GMACs a video",
    "milliseconds": "milliseconds of a core a video",
}


def keep_result(
    folder: Path, result: SweepResult, tracker: RunTracker, *, score_name: str, tune_seconds: float
) -> dict[str, Any]:
    """Write a sweep's result, log it on the sweep's run, and return its summary."""
    summary = {**result.summary(), "tune_seconds": tune_seconds}
    write_json(folder / FRONT_JSON, summary)
    write_text(folder / FRONT_MARKDOWN, markdown(summary))
    best = folder / TRIALS / result.best.trial
    write_text(folder / BEST_CONFIG, (best / CONFIG_FILE).read_text())
    for cost, file in FIGURES.items():
        draw(result, folder / file, cost=cost, score_name=score_name, title=folder.name)
    for file in (FRONT_JSON, FRONT_MARKDOWN, BEST_CONFIG, *FIGURES.values()):
        tracker.artifact(folder / file)
    tracker.table(summary["front"], name="front")
    ratios = {name: summary[name] for name in ("hypervolume_ratio", "hypervolume_ratio_milliseconds")}
    tracker.metrics({name: ratio for name, ratio in ratios.items() if ratio is not None}, step=0)
    for step, offer in enumerate(result.front()):
        point = offer.of.measured
        tracker.metrics({"front/accuracy": point.score, "front/gmacs": point.gmacs}, step=step)
    tracker.note(note(folder, summary, result))
    return summary


def draw(result: SweepResult, path: Path, *, cost: CostName, score_name: str, title: str) -> None:
    """Plot the measured fronts of selector and uniform sampling, over all points that were tried."""
    split = "test" if "test" in result.trials[0].points else "validation"
    fronts = {"selector": result.front(cost=cost), "uniform": result.uniform_front(cost=cost)}
    clouds = {
        name: [
            (cost_of_point(point, cost), point.score)
            for trial in result.trials
            for point in trial.points[split]
            if point.sampling == name
        ]
        for name in fronts
    }
    front_figure(
        clouds,
        {name: sorted((o.cost, o.score) for o in measured(front, cost)) for name, front in fronts.items()},
        path,
        labels=Labels(cost=COST_LABELS[cost], score=f"{score_name} on {split}", title=title),
    )


def markdown(summary: dict[str, Any]) -> str:
    """Format the fronts as Markdown."""
    lines = [f"Hypervolume over uniform sampling's: {_cell(summary['hypervolume_ratio'])}", ""]
    for name in ("front", "uniform"):
        lines += [f"## {name}", "", *_markdown_table(summary[name]), ""]
    return "\n".join(lines)


def note(folder: Path, summary: dict[str, Any], result: SweepResult) -> str:
    """Description of the sweep's MLflow run: the front, with a link to each trial."""
    names = [trial.trial for trial in result.trials]
    links = {name: link_to_run(name, folder / TRIALS / name) for name in names}
    front = [{**row, "trial": links.get(row["trial"], row["trial"])} for row in summary["front"]]
    rest = [link for name, link in links.items() if name not in {row["trial"] for row in summary["front"]}]
    head = f"Front of {len(links)} trials; hypervolume {_cell(summary['hypervolume_ratio'])} of uniform sampling's.\n"
    return "\n".join([head, *_markdown_table(front), "", f"Other trials: {', '.join(rest)}"])


def _markdown_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = [f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}"]
    return lines + [f"| {' | '.join(_cell(value) for value in row.values())} |" for row in rows]


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def say_summary(summary: dict[str, Any], folder: Path) -> None:
    """Print a sweep's front and where its files are."""
    console.print(
        front_table(summary["front"], title="front: chosen by what validation makes expect, measured on test")
    )
    knee = summary["knee"]
    for name, unit in (("hypervolume_ratio", "GMACs"), ("hypervolume_ratio_milliseconds", "milliseconds")):
        if summary[name] is not None:
            say(f"  hypervolume of the front in {unit}: {summary[name]:.3f} times that of uniform sampling")
    lost = summary["uniform_not_dominated"]
    if lost:
        offers = ", ".join(f"{row['gmacs']:.3f}" for row in lost)
        say(f"  uniform sampling is better at {offers} GMACs")
    say(
        f"  knee: trial {knee['trial']}, T' {knee['timesteps']:.3g} of {knee['candidates']}, {knee['gmacs']:.3f} GMACs"
    )
    say(f"  front and figures: {folder / FRONT_JSON}; model of the knee: {folder / MODEL}")
