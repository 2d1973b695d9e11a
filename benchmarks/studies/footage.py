"""Selector and uniform sampling on composites of real footage, as rows of a study."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.real_footage import RealFootageConfig, run
from epitoma.studies.rows import StudyRow


def footage_rows(clips: Path, filler: str, *, work: Path, seeds: Sequence[int]) -> list[StudyRow]:
    """What ``benchmarks.real_footage`` measures, on fewer videos; a seed is another split of the clips."""
    config = RealFootageConfig(clips=clips, filler=filler, work=work, seeds=tuple(seeds))
    config = replace(config, train_videos=120, validation_videos=60, test_videos=80)
    return [
        StudyRow(
            study="footage",
            dataset=clips.name,
            setting="real footage",
            sampling=spread.sampling,
            timesteps=spread.timesteps,
            mean=spread.mean,
            std=spread.std,
            seeds=len(seeds),
            gmacs=None,
        )
        for spread in run(config)
    ]
