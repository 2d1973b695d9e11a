"""Figures show names as they are: no letter in one is mark-up, and no name is left out."""

import itertools
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from epitoma.evaluation.tradeoff import TradeoffPoint
from epitoma.reporting.plots import (
    Labels,
    front_figure,
    ratio_figure,
    sheet_figure,
    study_figure,
    tradeoff_figure,
    training_figure,
)
from epitoma.studies.class_ratios import ClassRatio
from epitoma.studies.rows import StudyRow

ODD = ["cost_$1_vs_$2_", "$x^", "_hidden", "a\\frac{", "$\\notmath$", "%$#"]
"""Names that mathematical mark-up cannot read, reads otherwise, or that a legend would leave out."""


def rows(settings: list[str]) -> list[StudyRow]:
    return [
        StudyRow(
            study="s",
            dataset="d",
            setting=setting,
            sampling="selector",
            timesteps=timesteps,
            mean=0.5,
            std=0.1,
            seeds=2,
            gmacs=gmacs,
        )
        for setting, (timesteps, gmacs) in itertools.product(settings, [(2, 0.5), (16, 40.0)])
    ]


@pytest.mark.parametrize("against", ["timesteps", "gmacs"])
def test_a_study_shows_every_setting_under_its_own_name(tmp_path: Path, against, monkeypatch):
    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")
    labels = Labels(cost="$cost", score="$", title=" ".join(ODD))
    study_figure(rows(ODD), tmp_path / "study.png", against=against, labels=labels)
    drawn = (tmp_path / "study.svg").read_text()
    for text in (*(f"{name}, selector" for name in ODD), "$cost", "$", " ".join(ODD)):
        assert f">{text}</text>" in drawn, "in one piece, which mark-up is not"
    assert "mathdefault" not in drawn, "numbers of the axes are no mark-up either"


def test_log_axes_have_plain_numbers(tmp_path: Path):
    study_figure(rows(["a"]), tmp_path / "s.png", against="gmacs", labels=Labels(cost="", score="", title=""))
    drawn = (tmp_path / "s.svg").read_text()
    assert "<!-- 1 -->" in drawn
    assert "<!-- 10 -->" in drawn


def test_classes_keep_their_names(tmp_path: Path):
    ratios = [ClassRatio(setting=s, label=c, mean=0.5, std=0.1, seeds=2) for s in ODD for c in ODD]
    ratio_figure(ratios, tmp_path / "ratio.png", title=ODD[0])
    drawn = (tmp_path / "ratio.svg").read_text()
    assert all(drawn.count(f"<!-- {name} -->") >= 2 for name in ODD)


@pytest.mark.parametrize("name", ODD)
def test_every_figure_takes_any_name(tmp_path: Path, name):
    point = TradeoffPoint(
        sampling="selector",
        classifier="own",
        budget=1,
        timesteps=1,
        candidates=8,
        score=0.5,
        gmacs_light=0.1,
        gmacs_heavy=0.1,
        gmacs_classifier=0.1,
        selection_precision=None,
    )
    tradeoff_figure([point], tmp_path / "1.png", title=name, score_name=name)
    labels = Labels(cost=name, score=name, title=name)
    front_figure({"selector": [(1, 1)]}, {"selector": [(1, 1)]}, tmp_path / "2.png", labels=labels)
    history = [{"epoch": 0, **dict.fromkeys(("train/loss", "validation/score"), 1.0)}]
    history[0] |= dict.fromkeys(("train/timesteps", "validation/timesteps"), 1.0)
    training_figure(history, tmp_path / "3.png", title=name)
    sheet_figure([np.zeros((4, 8, 3), np.uint8)], tmp_path / "4.png", title=name)
    assert len(list(tmp_path.iterdir())) == 4
