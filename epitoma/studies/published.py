"""Scores published in the paper, for comparison with measurements on its datasets.

Only what the paper prints in numbers is here; its Charades results are a picture (figure 8). Of table 2's 72 cells we
have the four below, and of their selectors' not among how many timesteps they chose: those are compared with nothing.
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
        candidates: Timesteps that they were chosen among, T; None for uniform sampling, which has none, and where we
            do not know it.
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
    dataset: str, heavy: str, sampling: str, timesteps: float, *, candidates: int | None
) -> float | None:
    """Published score for the same setting; None where the paper has none.

    Args:
        dataset: Name of the dataset.
        heavy: Name of the HeavyNet.
        sampling: How timesteps were chosen.
        timesteps: Timesteps that it sees.
        candidates: Timesteps that they were chosen among; 8 of 32 is another setting than 8 of 16. Of no account where
            sampling is uniform.
    """
    same = [
        each.score
        for each in PUBLISHED
        if (dataset, each.sampling, each.timesteps) == (DATASET, sampling, timesteps)
        and heavy in each.networks
        and (sampling == "uniform" or each.candidates == candidates is not None)
    ]
    return same[0] if same else None
