"""Starts: which finished run each part of a new run's model comes from, as it is said on a command line."""

from collections.abc import Sequence
from pathlib import Path

from epitoma.core.errors import ConfigError

WHOLE = ("light", "heavy", "selector", "classifier")
"""Parts of a model."""

PARTS = {
    "selector": ("light", "selector"),
    "networks": ("light", "heavy"),
    "light": ("light",),
    "heavy": ("heavy",),
}
"""Parts that come with each word: a selector has the LightNet that it was trained on, unless another is named."""


def starts(given: Sequence[str]) -> dict[str, Path]:
    """Run that each part is taken from, of words such as ``runs/first`` or ``heavy=runs/tuned``.

    What is said of a single network goes before what comes with a selector, both networks, or a whole run.

    Raises:
        ConfigError: Two runs are to give the same part, or a word names no part or no run.
    """
    found: dict[str, Path] = {}
    named = [_named(each) for each in given]
    for word in ("", *PARTS):
        runs = [run for part, run in named if part == word]
        if len(runs) > 1:
            raise ConfigError(f"start_from names two runs for {word or 'the whole model'}: {', '.join(runs)}")
        if word == "selector" and runs and "selector" in found:
            raise ConfigError(
                f"start_from takes the selector of {found['selector']}: give it or {runs[0]}, not both"
            )
        found |= dict.fromkeys(PARTS.get(word, WHOLE), Path(runs[0])) if runs else {}
    return found


def networks_alone(given: Sequence[str]) -> tuple[str, ...]:
    """The same words for LightNet and HeavyNet only."""
    return tuple(f"{part}={run}" for part, run in starts(given).items() if part in PARTS["networks"])


def _named(word: str) -> tuple[str, str]:
    part, equals, run = word.partition("=")
    # A folder may have the sign in its name too.
    if not equals or "/" in part:
        part, run = "", word
    elif part not in PARTS:
        raise ConfigError(
            f"start_from {word}: there is no part {part!r} to start from, but {', '.join(PARTS)}"
        )
    if not run:
        raise ConfigError(f"start_from {word!r} names no run")
    return part, run
