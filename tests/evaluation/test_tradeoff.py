from dataclasses import replace
from pathlib import Path

import pytest

from epitoma.evaluation.tradeoff import (
    TradeoffPoint,
    find,
    markdown_table,
    read_points,
    write_points,
)
from epitoma.reporting.plots import tradeoff_figure, training_figure
from epitoma.reporting.tables import tradeoff_table

POINT = TradeoffPoint(
    sampling="selector",
    classifier="own",
    candidates=32,
    budget=4,
    timesteps=4.0,
    score=0.75,
    gmacs_light=0.5,
    gmacs_heavy=1.0,
    gmacs_classifier=0.25,
    selection_precision=0.6,
)
POINTS = [POINT, replace(POINT, sampling="dense", budget=32, timesteps=32.0, selection_precision=None)]


def test_points_survive_parquet(tmp_path: Path):
    write_points(tmp_path / "points.parquet", POINTS)
    assert read_points(tmp_path / "points.parquet") == POINTS
    assert POINT.gmacs == pytest.approx(1.75)


def test_find_names_what_is_not_there():
    assert find(POINTS, "dense").timesteps == 32
    with pytest.raises(KeyError, match="no point of selector"):
        find(POINTS, "selector", budget=8)


def test_tables_and_figures_show_every_point(tmp_path: Path):
    assert markdown_table(POINTS).count("\n") == 4
    assert tradeoff_table(POINTS, title="t", score_name="accuracy").row_count == 2
    tradeoff_figure(POINTS, tmp_path / "t.png", title="t", score_name="accuracy")
    history = [
        {"epoch": 0, "train/loss": 1.0, "train/timesteps": 3.0},
        {
            "epoch": 1,
            "train/loss": 0.5,
            "train/timesteps": 2.0,
            "validation/score": 0.5,
            "validation/timesteps": 2.0,
        },
    ]
    training_figure(history, tmp_path / "h.png", title="h")
    for name in ("t.png", "h.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
