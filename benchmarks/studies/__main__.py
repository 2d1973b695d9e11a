"""All of the paper's studies, small, on synthetic videos.

    python -m benchmarks.studies --docs docs

Trains, evaluates and reports; a second run goes on where the first stopped. Writes ``studies.md``, ``studies.json`` and
the figures into ``--docs``.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.studies.claims import claims
from benchmarks.studies.page import write_page
from benchmarks.studies.synthetic import SyntheticStudies
from epitoma.datasets.synthetic import SyntheticConfig
from epitoma.files.json_files import write_json
from epitoma.on_ray.cluster.runtime import ray_session
from epitoma.reporting.console import say
from epitoma.studies.rows import StudyRow
from epitoma.training.optimisation import OptimisationConfig
from ray_jobs.parts.command_line import run_job
from ray_jobs.parts.demo_configs import demo_dataset
from ray_jobs.parts.options import parse
from ray_jobs.report import ReportConfig


@dataclass(kw_only=True)
class StudiesConfig:
    """What to run.

    Attributes:
        docs: Where page, numbers and figures go.
        work: Where dataset, features and runs are kept.
        seeds: Of every training.
        dataset: The synthetic videos.
        optimisation: Of every training from features.
    """

    docs: Path = Path("runs/studies/docs")
    work: Path = Path("runs/studies")
    seeds: tuple[int, ...] = (0, 1, 2)
    dataset: SyntheticConfig = field(default_factory=demo_dataset)
    optimisation: OptimisationConfig = field(
        default_factory=lambda: OptimisationConfig(epochs=30, validate_every=5)
    )


def run(config: StudiesConfig) -> list[StudyRow]:
    """Run what has not been run, report every study, and write the page."""
    started = time.perf_counter()
    with ray_session(logs=config.work / "logs"):
        studies = SyntheticStudies(
            work=config.work, seeds=config.seeds, dataset=config.dataset, optimisation=config.optimisation
        ).run()
        rows, reports = _reported(studies, config.work)
    config.docs.mkdir(parents=True, exist_ok=True)
    write_json(config.docs / "studies.json", [asdict(row) for row in rows])
    split = config.dataset
    write_page(
        config.docs / "studies.md",
        claims(rows),
        reports,
        minutes=(time.perf_counter() - started) / 60,
        videos=f"{split.train_videos} training, {split.validation_videos} validation, {split.test_videos} test",
        seeds=len(config.seeds),
    )
    say(f"page: {config.docs / 'studies.md'}")
    return rows


def _reported(studies: Mapping[str, Sequence[Path]], work: Path) -> tuple[list[StudyRow], dict[str, Path]]:
    """Every study's report, made as a person would."""
    rows, folders = [], {}
    for name, runs in studies.items():
        folders[name] = work / "reports" / name
        arguments = [name, "--runs", *map(str, runs), "--output", str(folders[name])]
        found = parse(ReportConfig, arguments, about="").report()
        # Figure 4 draws the rows of table 2.
        rows += found if name != "figure4" else []
    return rows, folders


if __name__ == "__main__":
    run_job(StudiesConfig, run, about=__doc__)
