"""Values that a change must not move, kept in ``tests/assets``; ``pytest --renew-golden`` writes them anew."""

from pathlib import Path
from typing import Any

import pytest

from epitoma.files.json_files import read_json, write_json

ASSETS = Path(__file__).parent / "assets"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say whether values are to be written instead of compared."""
    parser.addoption(
        "--renew-golden", action="store_true", help="write tests/assets anew: the change must say why"
    )


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> "Golden":
    """The kept values."""
    return Golden(renew=request.config.getoption("--renew-golden"))


class Golden:
    """Reads what is kept, or keeps what is found."""

    def __init__(self, *, renew: bool) -> None:
        self.renew = renew

    def values(self, name: str, found: dict[str, Any]) -> dict[str, Any]:
        """What ``found`` must be equal to."""
        file = ASSETS / f"{name}.json"
        if self.renew:
            write_json(file, found)
        return read_json(file)
