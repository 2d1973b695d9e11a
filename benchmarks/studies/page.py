"""docs/studies.md: what was asked, what was found, and the tables and figures."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.studies.claims import Claim

ASKED = {
    "table2": "Sampling, timesteps and HeavyNet (table 2): how well T' timesteps serve, chosen in each way.",
    "figure4": "Score against timesteps (figure 4), which draws table 2.",
    "figure5": "Ratio of selected timesteps by class (figure 5): stand-alone selectors, and those of a HeavyNet.",
    "figure6": "Frame- and context-conditioned gating (figure 6), of the paper's selector.",
    "figure7": "Score against computation (figure 7), with the selector and without.",
    "figure8": "Score at several time scales (figure 8): half of each scale's timesteps, and all; of the run's own "
    "classifier, which has learnt from chosen timesteps.",
    "off_the_shelf": "A stand-alone selector in front of classifiers that never saw it (section 4.2).",
    "ablation": "What each part of the gate is good for. `kernels` of the other settings are 64. All but "
    "`anytime` and the numbers of kernels have the paper's classifier, in which gates multiply features.",
}

HEAD = """# The paper's studies, small

Made by `make studies`, which ran {minutes:.0f} minutes on two cores: synthetic videos of the demo's kind
({videos}), {seeds} seeds, mean ± standard deviation over them on test, where nothing was chosen. HeavyNets are
EfficientNet-Lite0 on frames of 80 and of 112 px, frozen; selector and classifier are trained together on their features
(what training the networks too is good for is in [method.md](method.md)). [studies.json](studies.json) holds the
numbers. On Breakfast the same reports (`python -m ray_jobs.report table2 --runs ...`) put its published
numbers beside yours. A claim showed if it holds by two standard errors; random's worst case is its mean less two
deviations.

## What of the paper showed

| claim | showed | measured |
|---|---|---|
"""


def write_page(
    path: Path,
    claims: Sequence[Claim],
    studies: Mapping[str, Path],
    *,
    minutes: float,
    videos: str,
    seeds: int,
) -> None:
    """Write the page, and put its figures beside it.

    Args:
        path: The page.
        claims: What was held against the numbers.
        studies: By name the folder of a study's report.
        minutes: How long everything took.
        videos: How many there are of each split.
        seeds: How many.
    """
    lines = [HEAD.format(minutes=minutes, videos=videos, seeds=seeds).rstrip("\n")]
    lines += [f"| {each.text} | {'yes' if each.holds else '**no**'} | {each.told} |" for each in claims]
    for name, study in studies.items():
        lines += ["", f"## {name.replace('_', ' ').capitalize()}", "", ASKED[name], ""]
        lines += _report(path, name, study)
    path.write_text("\n".join(lines) + "\n")


def _report(page: Path, name: str, folder: Path) -> list[str]:
    figure = page.with_name(f"studies_{name}.png")
    shutil.copyfile(folder / "figure.png", figure)
    return [(folder / "table.md").read_text().rstrip("\n"), "", f"![{name}]({figure.name})"]
