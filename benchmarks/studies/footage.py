"""Selector and uniform sampling on composites of real footage, as rows of a study."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.real_footage import RealFootageConfig, run
from epitoma.studies.rows import StudyRow


def footage_rows(clips: Path, filler: str, *, work: Path, seeds: Sequence[int]) -> list[StudyRow]:
    """What ``benchmarks.real_footage`` measures, on fewer and shorter videos; a seed is another split of the clips."""
    config = RealFootageConfig(clips=clips, filler=filler, work=work, seeds=tuple(seeds))
    config = replace(config, train_videos=100, validation_videos=40, test_videos=60)
    config = replace(config, min_seconds=40.0, max_seconds=50.0, timesteps=64, train_timesteps=32)
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
