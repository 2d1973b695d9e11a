"""HTML page of an explanation, self-contained: without scripts, outside links or other files."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from epitoma.inference.explanation import Explanation
from epitoma.inference.prediction import Prediction
from epitoma.reporting.plots import jpeg

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1a1a1a; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.answer { font-size: 1.2rem; } .kept { color: #c1272d; } .quiet { color: #666; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: right; }
td:first-child, th:first-child { text-align: left; }
.bar { display: inline-block; height: .7rem; background: #c1272d; } .bar.dense { background: #999; }
.strip { display: flex; flex-wrap: wrap; gap: .4rem; align-items: flex-end; }
.strip figure { margin: 0; font-size: .75rem; } .strip img { display: block; }
.strip .dropped img { width: 56px; opacity: .45; filter: grayscale(.6); }
.strip .taken img { width: 160px; outline: 3px solid #c1272d; }
.sheet { display: flex; align-items: center; gap: 1rem; margin: .3rem 0; } .sheet img { max-width: 100%; }
svg { width: 100%; height: auto; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def explanation_page(
    explanation: Explanation, *, name: str, sheets: Mapping[int, np.ndarray] | None = None
) -> str:
    """Make the page of a video.

    Args:
        explanation: Explanation of the video's prediction.
        name: Name of the video to show.
        sheets: Sheets of frames by the number of their concept kernel; those of kernels that stand out in the video
            are shown.
    """
    parts = [
        _heading(explanation, name),
        "<h2>Where it looked</h2>",
        _timeline(explanation),
        "<h2>What was kept, and what was thrown away around it</h2>",
        _strip(explanation),
        "<h2>What it says, with and without selection</h2>",
        _scores(explanation.chosen, explanation.dense),
        "<h2>What that took</h2>",
        _cost(explanation.chosen, explanation.dense),
        _kernels(explanation, sheets or {}),
    ]
    return page(f"epitoma: {name}", parts)


def kernels_page(sheets: Sequence[np.ndarray], *, name: str) -> str:
    """Make the page of a model's concept kernels, each with the frames of a dataset that are most similar to it.

    Args:
        sheets: Sheets of all kernels, in order.
        name: Name of model and dataset to show.
    """
    parts = [f"<h1>Concept kernels of {escape(name)}</h1>"]
    parts.append('<p class="quiet">The frames that excite each most, the most exciting first.</p>')
    return page(f"concept kernels of {name}", [*parts, *map(_sheet, range(len(sheets)), sheets)])


def page(title: str, parts: Sequence[str]) -> str:
    """Make a whole page from parts that are HTML already; only the title is escaped."""
    return _PAGE.format(title=escape(title), style=_STYLE, body="\n".join(parts))


def _heading(explanation: Explanation, name: str) -> str:
    chosen, dense = explanation.chosen, explanation.dense
    same = "the same" if chosen.label == dense.label else f"<b>{escape(dense.label)}</b>"
    return (
        f"<h1>{escape(name)}</h1>\n"
        f'<p class="answer"><b>{escape(chosen.label)}</b>, score {chosen.scores[chosen.label]:.3f}, from '
        f'<span class="kept">{len(chosen.timesteps)} of {chosen.candidates} timesteps</span>'
        f" and {chosen.gmacs / dense.gmacs:.0%} of the computation. All of them would have said {same}.</p>"
    )


def _timeline(explanation: Explanation) -> str:
    """Alpha over time as an SVG; dots of kept timesteps link to their pictures."""
    width, height, margin = 1000, 160, 14
    low, high = float(explanation.alpha_T.min()), float(explanation.alpha_T.max())

    def place(timestep: int) -> tuple[float, float]:
        across = explanation.seconds_T[timestep] / explanation.duration_seconds
        up = (explanation.alpha_T[timestep] - low) / ((high - low) or 1.0)
        return margin + across * (width - 2 * margin), height - margin - up * (height - 2 * margin)

    points = [place(timestep) for timestep in range(len(explanation.alpha_T))]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [_dot(explanation, timestep, *point) for timestep, point in enumerate(points)]
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="alpha over time">'
        f'<polyline points="{line}" fill="none" stroke="#bbb"/>{"".join(dots)}</svg>\n'
        f'<p class="quiet">alpha, from {low:.2f} to {high:.2f}, over {explanation.duration_seconds:.1f} seconds; '
        'what is kept is <span class="kept">red</span></p>'
    )


def _dot(explanation: Explanation, timestep: int, x: float, y: float) -> str:
    tip = f"<title>{explanation.seconds_T[timestep]:.1f} s, alpha {explanation.alpha_T[timestep]:.2f}</title>"
    if not explanation.kept_T[timestep]:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#999">{tip}</circle>'
    dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="#c1272d">{tip}</circle>'
    return f'<a href="#t{timestep}">{dot}</a>'


def _strip(explanation: Explanation) -> str:
    """Pictures of all candidates in order; those of kept ones are larger, with their strongest kernels."""
    figures = []
    for timestep, picture in enumerate(explanation.pictures_THWC):
        label = f"{explanation.seconds_T[timestep]:.1f} s, alpha {explanation.alpha_T[timestep]:.2f}"
        if not explanation.kept_T[timestep]:
            figures.append(f'<figure class="dropped">{_image(picture[::2, ::2], label)}</figure>')
            continue
        kernels = ", ".join(
            f"{kernel} ({explanation.concept_TN[timestep, kernel]:+.1f})"
            for kernel in explanation.strongest_kernels(timestep)
        )
        caption = f"{label}<br>kernels {kernels}"
        figures.append(
            f'<figure class="taken" id="t{timestep}">{_image(picture, label)}'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return (
        f'<div class="strip">{"".join(figures)}</div>\n'
        '<p class="quiet">"kernels" are those concept kernels that a timestep is more like than the rest of the video '
        "is, in standard deviations</p>"
    )


def _scores(chosen: Prediction, dense: Prediction, *, most: int = 5) -> str:
    names = list(dict.fromkeys([*list(chosen.scores)[:most], *list(dense.scores)[:1]]))
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{_bar(chosen.scores[name], '')}{_bar(dense.scores[name], ' dense')}</tr>"
        for name in names
    )
    return f"<table><tr><th></th><th>with selection</th><th>of all timesteps</th></tr>{rows}</table>"


def _bar(score: float, kind: str) -> str:
    return f'<td>{score:.3f} <span class="bar{kind}" style="width: {8 * score:.2f}rem"></span></td>'


def _cost(chosen: Prediction, dense: Prediction) -> str:
    rows = [("GMACs", chosen.gmacs, dense.gmacs)]
    rows += [
        (f"ms of {name}", chosen.milliseconds[name], dense.milliseconds[name]) for name in dense.milliseconds
    ]
    totals = [sum(prediction.milliseconds.values()) for prediction in (chosen, dense)]
    rows.append(("ms in all", totals[0], totals[1]))
    cells = "".join(
        f"<tr><td>{name}</td><td>{ours:.4g}</td><td>{all_of_them:.4g}</td><td>{_saved(ours, all_of_them)}</td></tr>"
        for name, ours, all_of_them in rows
    )
    return (
        "<table><tr><th></th><th>with selection</th><th>of all timesteps</th><th>saved</th></tr>"
        f"{cells}</table>"
    )


def _saved(ours: float, all_of_them: float) -> str:
    return f"{1 - ours / all_of_them:.0%}" if all_of_them else ""


def _kernels(explanation: Explanation, sheets: Mapping[int, np.ndarray]) -> str:
    strongest = [
        kernel
        for timestep in np.flatnonzero(explanation.kept_T).tolist()
        for kernel in explanation.strongest_kernels(timestep)
    ]
    shown = [
        kernel for kernel in sorted(set(strongest), key=strongest.count, reverse=True) if kernel in sheets
    ]
    if not shown:
        return ""
    return "\n".join(
        ["<h2>What those concept kernels look for elsewhere</h2>", *(_sheet(k, sheets[k]) for k in shown)]
    )


def _sheet(kernel: int, sheet: np.ndarray) -> str:
    name = f"kernel {kernel}"
    return f'<div class="sheet" id="k{kernel}"><span>{name}</span>{_image(sheet, name)}</div>'


def _image(picture_HWC: np.ndarray, label: str) -> str:
    content = base64.b64encode(jpeg(np.ascontiguousarray(picture_HWC))).decode()
    return f'<img src="data:image/jpeg;base64,{content}" alt="{escape(label)}" title="{escape(label)}">'
