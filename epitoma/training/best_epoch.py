"""Which of the validated epochs is kept: the best by score, or the sparsest of those that are as good."""

import math
from dataclasses import dataclass, replace


@dataclass(kw_only=True)
class BestEpoch:
    """The epoch whose model is kept so far.

    Attributes:
        epoch: Its number.
        score: Its validation score.
        timesteps: Timesteps that it keeps of a validation video, in the mean.
        top_score: Highest score of all epochs so far.
    """

    epoch: int
    score: float
    timesteps: float
    top_score: float


def better(
    best: BestEpoch | None, *, epoch: int, score: float, timesteps: float, videos: int, prefers_sparse: bool
) -> BestEpoch:
    """The epoch to keep after another one: that, or the one that is kept.

    Args:
        best: What is kept; None before the first validation.
        epoch: Number of the other epoch.
        score: Its score.
        timesteps: Timesteps that it keeps.
        videos: Number of validation videos.
        prefers_sparse: Of epochs whose scores are within a standard error of the highest, prefer the one that keeps
            the fewest timesteps: where the loss sets their number, it still falls when scores no longer rise. Else
            the highest score counts, and the later of two.
    """
    if best is None:
        return BestEpoch(epoch=epoch, score=score, timesteps=timesteps, top_score=score)
    top = max(best.top_score, score)
    good = top - (top * (1 - top) / videos) ** 0.5 if prefers_sparse else None
    offered, kept = _rank(score, timesteps, good=good), _rank(best.score, best.timesteps, good=good)
    if offered > kept:
        return replace(best, top_score=top)
    return BestEpoch(epoch=epoch, score=score, timesteps=timesteps, top_score=top)


def _rank(score: float, timesteps: float, *, good: float | None) -> tuple[float, float]:
    """Lower is better: the highest score, or the fewest timesteps of the scores that are ``good``."""
    if good is None:
        return (-score, 0.0)
    return (timesteps if score >= good else math.inf, -score)
