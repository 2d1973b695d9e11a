"""Scores published in the paper, for comparison with measurements on its datasets."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Published:
    """A score published in the paper.

    Attributes:
        dataset: ``breakfast`` or ``charades``.
        networks: Names of its HeavyNet in epitoma.
        sampling: How timesteps were chosen.
        timesteps: Number of timesteps.
        score: Accuracy or mAP, 0 to 1.
    """

    dataset: str
    networks: tuple[str, ...]
    sampling: str
    timesteps: int
    score: float


RESNET, SHUFFLENET, I3D = ("resnet50", "resnet50_v1"), ("shufflenet3d",), ("i3d",)

PUBLISHED = (
    Published(dataset="breakfast", networks=RESNET, sampling="uniform", timesteps=16, score=0.6727),
    Published(dataset="breakfast", networks=RESNET, sampling="selector", timesteps=8, score=0.6802),
    Published(dataset="breakfast", networks=SHUFFLENET, sampling="uniform", timesteps=16, score=0.6337),
    Published(dataset="breakfast", networks=SHUFFLENET, sampling="selector", timesteps=8, score=0.6511),
    Published(dataset="breakfast", networks=I3D, sampling="uniform", timesteps=16, score=0.7691),
    Published(dataset="breakfast", networks=I3D, sampling="selector", timesteps=8, score=0.7811),
    Published(dataset="breakfast", networks=I3D, sampling="selector", timesteps=16, score=0.8281),
    Published(dataset="breakfast", networks=I3D, sampling="uniform", timesteps=128, score=0.8490),
    Published(dataset="breakfast", networks=I3D, sampling="selector", timesteps=128, score=0.8750),
    Published(dataset="charades", networks=I3D, sampling="selector", timesteps=32, score=0.339),
    Published(dataset="charades", networks=I3D, sampling="selector", timesteps=64, score=0.355),
    Published(dataset="charades", networks=I3D, sampling="selector", timesteps=128, score=0.372),
)
"""From table 1, table 2 and figure 8; 256, 512 and 1024 frames of Charades are 32, 64 and 128 timesteps of 8."""


def published_score(dataset: str, heavy: str, sampling: str, timesteps: float) -> float | None:
    """Published score for the same setting; None where the paper has none."""
    for each in PUBLISHED:
        if (each.dataset, each.sampling, each.timesteps) == (
            dataset,
            sampling,
            timesteps,
        ) and heavy in each.networks:
            return each.score
    return None
