"""Scores published in the paper, for comparison with measurements on its datasets.

Only what the paper prints in numbers is here. Its Charades results are a picture (figure 8), and of the 72 cells of
table 2 those are left out whose numbers we do not have.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Published:
    """A score published in the paper, of Breakfast.

    Attributes:
        table: Number of the table in the paper.
        networks: Names of its HeavyNet in epitoma.
        sampling: How timesteps were chosen.
        timesteps: Timesteps that HeavyNet sees, T'.
        score: Accuracy, 0 to 1.
        candidates: Timesteps that they were chosen among, T; None where none were, or where we do not know it.
    """

    table: int
    networks: tuple[str, ...]
    sampling: str
    timesteps: int
    score: float
    candidates: int | None = None


DATASET = "breakfast"
RESNET, SHUFFLENET, I3D = ("resnet50", "resnet50_v1"), ("shufflenet3d",), ("i3d",)

PUBLISHED = (
    Published(table=1, networks=RESNET, sampling="uniform", timesteps=16, score=0.6727),
    Published(table=1, networks=RESNET, sampling="selector", timesteps=8, candidates=16, score=0.6802),
    Published(table=1, networks=SHUFFLENET, sampling="uniform", timesteps=16, score=0.6337),
    Published(table=1, networks=SHUFFLENET, sampling="selector", timesteps=8, candidates=16, score=0.6511),
    Published(table=1, networks=I3D, sampling="uniform", timesteps=16, score=0.7691),
    Published(table=1, networks=I3D, sampling="selector", timesteps=8, candidates=16, score=0.7811),
    Published(table=2, networks=I3D, sampling="selector", timesteps=8, score=0.7969),
    Published(table=2, networks=I3D, sampling="selector", timesteps=16, score=0.8281),
    Published(table=2, networks=I3D, sampling="uniform", timesteps=128, score=0.8490),
    Published(table=2, networks=I3D, sampling="selector", timesteps=128, score=0.8750),
)


def published_score(
    dataset: str, heavy: str, sampling: str, timesteps: float, *, candidates: int | None = None
) -> float | None:
    """Published score for the same setting; None where the paper has none.

    Args:
        dataset: Name of the dataset.
        heavy: Name of the HeavyNet.
        sampling: How timesteps were chosen.
        timesteps: Timesteps that it sees.
        candidates: Timesteps that they were chosen among. Where the paper has several numbers for as many kept
            timesteps, only the one for as many candidates is the same setting.
    """
    alike = [
        each
        for each in PUBLISHED
        if (dataset, each.sampling, each.timesteps) == (DATASET, sampling, timesteps)
        and heavy in each.networks
    ]
    same = [each for each in alike if each.candidates == candidates]
    others = [each for each in alike if each.candidates is None]
    return next((each.score for each in (*same, *others)), None)
