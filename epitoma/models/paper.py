"""Config of the paper's selector: every addition of epitoma is switched off."""

from epitoma.models.attention import TemporalSelfAttention
from epitoma.models.gating import GatingModule
from epitoma.models.selector import TimestepSelector


def paper_selector(*, kernels: int, attention: TemporalSelfAttention.Config) -> TimestepSelector.Config:
    """Config with context attention, concept kernels and gates as in the paper (sections 3.2 and 3.3)."""
    return TimestepSelector.Config(
        kernels=kernels,
        embed_channels=None,
        centred=False,
        attention=attention,
        normalise=False,
        dropout=0.0,
        saliency=False,
        gating=GatingModule.Config(redundancy=0.0, score_bound=None, weigh_kept=False),
    )
