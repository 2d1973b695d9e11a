"""The paper's Table 1, by the stated convention, each number within 1%."""

from pathlib import Path

import numpy as np
import pytest

from epitoma.cost.decoding import decode_milliseconds
from epitoma.cost.paper_table import TableRow, as_json, table1, table_passes, with_decoding
from epitoma.video.compose import write_video

PAPER = {
    "resnet2d": (61.7, 61.8, 31.9),
    "shufflenet3d": (17.2, 17.3, 9.6),
    "i3d": (207.7, 207.7, 104.8),
}


@pytest.fixture(scope="module")
def rows() -> list[TableRow]:
    return table1(watch=lambda done, total: None)


def by_key(rows: list[TableRow], convention: str) -> dict[tuple[str, int], TableRow]:
    return {(row.heavy, row.timesteps): row for row in rows if row.convention == convention}


@pytest.mark.parametrize("heavy", PAPER)
def test_the_papers_numbers_come_out(rows, heavy: str):
    heavynet, alone, selected = PAPER[heavy]
    at_16, at_8 = by_key(rows, "paper")[heavy, 16], by_key(rows, "paper")[heavy, 8]
    assert at_16.heavynet == pytest.approx(heavynet, rel=0.01)
    assert at_8.heavynet == pytest.approx(heavynet / 2, rel=0.01)
    assert at_8.light_gating == pytest.approx(0.94, rel=0.01)
    assert at_16.light_gating == 0
    assert at_16.total == pytest.approx(alone, rel=0.01)
    assert at_8.total == pytest.approx(selected, rel=0.01)
    assert at_8.classifier == pytest.approx(16 * 4 * 2048 * 1024 / 1e9)


def test_the_exact_count_is_of_what_runs(rows):
    """ResNet-50 v1 and I3D to Mixed_5c as counted by others, and no more than a hundredth off the convention."""
    exact = by_key(rows, "exact")
    assert exact["resnet2d", 16].heavynet == pytest.approx(16 * 3.856, rel=1e-3)
    assert exact["i3d", 16].heavynet == pytest.approx(16 * 13.894, rel=1e-3)
    assert exact["shufflenet3d", 16].heavynet == pytest.approx(16.98, rel=1e-3)
    for row in exact.values():
        assert row.total == pytest.approx(row.light_gating + row.heavynet + row.classifier)


def test_decoding_stands_beside_and_costs_more_for_more_timesteps(rows, tmp_path: Path):
    frames = np.random.default_rng(0).integers(0, 256, (96, 64, 64, 3), dtype=np.uint8)
    write_video(tmp_path / "a.mp4", frames, fps=8, gop=8)
    costs = {key: decode_milliseconds(tmp_path / "a.mp4", each) for key, each in table_passes().items()}
    written = as_json(with_decoding(rows, costs))
    assert len(written) == 12
    assert set(written[0]) == {
        *("heavy", "timesteps", "convention", "light_gating", "heavynet", "classifier", "total"),
        "decode_ms",
    }
    assert all(row["decode_ms"] > 0 for row in written)
    printed = [row["classifier"] for row in written if row["convention"] == "paper"]
    assert printed == [0.13] * 6, "as the paper prints it"
    decoding = {(row["heavy"], row["timesteps"]): row["decode_ms"] for row in written}
    assert decoding["i3d", 16] > decoding["resnet2d", 16]
