"""Reports of the paper's studies: each makes a table and a figure of evaluated runs, and logs both to MLflow."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from epitoma.core.errors import ConfigError
from epitoma.files.atomic import write_text
from epitoma.files.json_files import write_json
from epitoma.reporting.console import console, say
from epitoma.reporting.plots import Against, Labels, ratio_figure, study_figure
from epitoma.studies.ablation import ablation
from epitoma.studies.class_ratios import RatioStudy, figure5, figure6
from epitoma.studies.measured_run import MeasuredRun, read_measured
from epitoma.studies.rows import StudyRow
from epitoma.studies.sampling import figure7, off_the_shelf, table2
from epitoma.studies.tables import ratio_table, score_table, study_cost_table, write_rows
from epitoma.studies.time_scales import figure8
from epitoma.tracking.address import check_store
from epitoma.tracking.lifecycle import tracked_run

TIMESTEPS, GMACS = "timesteps kept", "GMACs a video"


@dataclass(kw_only=True)
class StudyConfig:
    """A study of runs that have been trained and evaluated.

    Attributes:
        runs: Folders of the runs; runs that differ only in their seed are averaged.
        output: Folder for table and figure; None uses ``study_NAME`` beside the first run.
    """

    name: ClassVar[str]
    across: ClassVar[str] = TIMESTEPS
    runs: tuple[Path, ...]
    output: Path | None = None

    def __post_init__(self) -> None:
        if not self.runs:
            raise ConfigError(f"{self.name} needs --runs: folders of runs that have been evaluated")

    @property
    def folder(self) -> Path:
        """Folder for table and figure."""
        return self.output or self.runs[0].parent / f"study_{self.name}"

    def report(self) -> list[StudyRow]:
        """Write ``table.md``, ``table.parquet``, ``rows.json`` and the figure, log them, and print the table."""
        check_store(self.folder.parent)
        runs = [read_measured(run) for run in self.runs]
        title = f"{self.name}: {runs[0].dataset}"
        labels = Labels(cost=self.across, score="mAP" if runs[0].multi_label else "accuracy", title=title)
        rows, table = self.make(runs, labels)
        write_text(self.folder / "table.md", table)
        write_rows(self.folder / "table.parquet", rows)
        write_json(self.folder / "rows.json", {"rows": [asdict(row) for row in rows]})
        with tracked_run(self.folder, params={"runs": ", ".join(map(str, self.runs))}) as tracker:
            tracker.note(table)
            tracker.artifact(self.folder, folder=self.name)
        console.print(table, markup=False, soft_wrap=True)
        say(f"  table and figure: {self.folder}")
        return rows

    @abstractmethod
    def make(self, runs: Sequence[MeasuredRun], labels: Labels) -> tuple[list[StudyRow], str]:
        """Compute rows and table of the runs, and write the figure into the folder."""


class ScoreStudyConfig(StudyConfig):
    """A study whose rows are scores, drawn against timesteps or GMACs."""

    rows_of: ClassVar[Callable[[Sequence[MeasuredRun]], list[StudyRow]]]
    table_of: ClassVar[Callable[[Sequence[StudyRow]], str]] = staticmethod(score_table)
    against: ClassVar[Against] = "timesteps"

    def make(self, runs: Sequence[MeasuredRun], labels: Labels) -> tuple[list[StudyRow], str]:
        """Compute rows and table of the runs, and write the figure into the folder."""
        rows = type(self).rows_of(runs)
        study_figure(rows, self.folder / "figure.png", against=self.against, labels=labels)
        return rows, type(self).table_of(rows)


class Table2Config(ScoreStudyConfig):
    """Sampling, timesteps and HeavyNet: the paper's table 2."""

    name = "table2"
    rows_of = staticmethod(table2)


class Figure4Config(Table2Config):
    """Score against timesteps of every sampling: the paper's figure 4, which draws table 2."""

    name = "figure4"


class Figure7Config(ScoreStudyConfig):
    """Score against GMACs of every HeavyNet with and without the selector: the paper's figure 7."""

    name = "figure7"
    across = GMACS
    rows_of = staticmethod(figure7)
    table_of = staticmethod(study_cost_table)
    against = "gmacs"


class Figure8Config(ScoreStudyConfig):
    """Score at several time scales: the paper's figure 8, of runs evaluated with ``--candidates`` too."""

    name = "figure8"
    rows_of = staticmethod(figure8)


class OffTheShelfConfig(ScoreStudyConfig):
    """A selector in front of classifiers that never saw it, of runs evaluated with ``--selector-from``."""

    name = "off_the_shelf"
    rows_of = staticmethod(off_the_shelf)


class AblationConfig(ScoreStudyConfig):
    """Runs that differ in a part of the gate; their names must be equal except for the seed's number at the end."""

    name = "ablation"
    rows_of = staticmethod(ablation)


class Figure5Config(StudyConfig):
    """Ratio of selected timesteps by class, stand-alone and end to end, and their agreement: the paper's figure 5."""

    name = "figure5"

    def make(self, runs: Sequence[MeasuredRun], labels: Labels) -> tuple[list[StudyRow], str]:
        """Compute the ratios by class for each kind of training."""
        return self.ratios(figure5(runs), labels)

    def ratios(self, study: RatioStudy, labels: Labels) -> tuple[list[StudyRow], str]:
        """Write the ratios as figure and Parquet file; returns rows and table."""
        ratio_figure(study.ratios, self.folder / "figure.png", title=labels.title)
        write_rows(self.folder / "ratios.parquet", study.ratios)
        return list(study.rows), ratio_table(study)


class Figure6Config(Figure5Config):
    """Frame-conditioned against context-conditioned gating: the paper's figure 6."""

    name = "figure6"

    def make(self, runs: Sequence[MeasuredRun], labels: Labels) -> tuple[list[StudyRow], str]:
        """Compute ratios by class, their variance and the score for both kinds of gating."""
        return self.ratios(figure6(runs), labels)
