"""Claims of the paper are held against numbers, and a claim that does not show is said not to."""

from dataclasses import replace
from pathlib import Path

from benchmarks.studies.claims import claims
from benchmarks.studies.page import write_page
from epitoma.studies.class_ratios import VARIANCE
from epitoma.studies.rows import StudyRow


def row(
    sampling: str,
    timesteps: float,
    mean: float,
    *,
    study: str = "table2",
    setting: str = "net",
    std: float = 0.01,
) -> StudyRow:
    return StudyRow(
        study=study,
        dataset="kitchen",
        setting=setting,
        sampling=sampling,
        timesteps=timesteps,
        mean=mean,
        std=std,
        seeds=3,
        gmacs=1.0,
    )


GOOD = [
    *(row("selector", k, 0.9) for k in (1, 2, 4, 8, 16)),
    *(row("uniform", k, 0.5) for k in (1, 2, 4, 8, 16)),
    *(row("random", k, 0.4) for k in (1, 2, 4, 8, 16)),
    row("dense", 32, 0.85),
    row(VARIANCE, 4, 2e-3, study="figure6", setting="context-conditioned", std=1e-4),
    row(VARIANCE, 4, 1e-3, study="figure6", setting="frame-conditioned", std=1e-4),
]


def test_what_shows_is_said_to_show():
    found = claims(GOOD)
    assert len(found) == 4
    assert all(claim.holds for claim in found)


def test_each_claim_can_fail_by_itself():
    wrong = {
        0: lambda r: replace(r, mean=0.95) if (r.sampling, r.timesteps) == ("uniform", 4) else r,
        1: lambda r: replace(r, mean=0.6) if (r.sampling, r.timesteps) == ("random", 2) else r,
        2: lambda r: replace(r, mean=0.89) if r.sampling == "dense" else r,
        3: lambda r: replace(r, mean=9e-3) if r.setting == "frame-conditioned" else r,
    }
    for number, change in wrong.items():
        assert [claim.holds for claim in claims([change(each) for each in GOOD])] == [
            at != number for at in range(len(wrong))
        ]


def test_a_lead_within_two_standard_errors_has_not_shown():
    noisy = [replace(each, std=2e-3) if each.sampling == VARIANCE else each for each in GOOD]
    assert [claim.holds for claim in claims(noisy)] == [True, True, True, False]


def test_one_seed_shows_nothing():
    alone = [replace(each, seeds=1, std=0.0) for each in GOOD]
    assert [claim.holds for claim in claims(alone)] == [False, True, False, False]


def test_the_page_says_what_did_not_show(tmp_path: Path):
    folder = tmp_path / "table2"
    folder.mkdir()
    (folder / "table.md").write_text("| a table |\n")
    (folder / "figure.png").write_bytes(b"png")
    found = [replace(claim, holds=number > 0) for number, claim in enumerate(claims(GOOD))]
    page = tmp_path / "studies.md"
    write_page(page, found, {"table2": folder}, minutes=50, videos="240 training", seeds=3)
    text = page.read_text()
    assert text.count("| **no** |") == 1
    assert text.count("| yes |") == 3
    assert "| a table |" in text
    assert (tmp_path / "studies_table2.png").read_bytes() == b"png"
