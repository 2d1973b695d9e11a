"""Which run each part of a new model comes from."""

from pathlib import Path

import pytest

from epitoma.core.errors import ConfigError
from epitoma.training.starts import networks_alone, starts


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), {}),
        (("a",), dict.fromkeys(("light", "heavy", "selector", "classifier"), "a")),
        (("networks=a",), {"light": "a", "heavy": "a"}),
        (("selector=a",), {"light": "a", "selector": "a"}),
        (("light=b", "selector=a"), {"light": "b", "selector": "a"}),
        (("heavy=b", "a"), {"light": "a", "heavy": "b", "selector": "a", "classifier": "a"}),
        (("networks=b", "heavy=c", "selector=a"), {"light": "b", "heavy": "c", "selector": "a"}),
        (("runs/lr=0.1",), dict.fromkeys(("light", "heavy", "selector", "classifier"), "runs/lr=0.1")),
        (("heavy=runs/lr=0.1",), {"heavy": "runs/lr=0.1"}),
    ],
)
def test_what_is_said_of_less_goes_before_what_is_said_of_more(given, expected):
    assert starts(given) == {part: Path(run) for part, run in expected.items()}


@pytest.mark.parametrize("given", [("a", "b"), ("light=a", "light=b"), ("a", "selector=b")])
def test_two_runs_cannot_give_the_same_part(given):
    with pytest.raises(ConfigError, match=r"start_from .*\ba\b.*\bb\b"):
        starts(given)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("lihgt=a", "no part 'lihgt' .*networks"),
        ("classifier=a", "no part"),
        ("light=", "no run"),
        ("", "no run"),
    ],
)
def test_a_slip_of_the_pen_is_named(word, said):
    with pytest.raises(ConfigError, match=said):
        starts((word,))


def test_a_sweep_takes_the_networks_alone():
    assert starts(networks_alone(("a", "heavy=b"))) == {"light": Path("a"), "heavy": Path("b")}
