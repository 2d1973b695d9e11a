"""Records: what a benchmark has measured, as data, with where it was measured.

``benchmarks/results`` keeps the last accepted record of each; tables in the documentation are rendered from them.
"""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from epitoma.files.json_files import read_json, write_json

RESULTS = Path(__file__).parent / "results"


def write_record(path: Path | None, rows: Sequence[Any]) -> None:
    """Write rows, which are dataclasses, with commit, date and machine; None writes nothing."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {**provenance(), "rows": [asdict(row) for row in rows]})


def read_record(name: str) -> Mapping[str, Any]:
    """The accepted record of a benchmark."""
    return read_json(RESULTS / f"{name}.json")


def provenance() -> dict[str, str]:
    """Commit of the code, with a mark where files differ from it, date, and machine."""
    return {
        "commit": _git("describe", "--always", "--dirty", "--exclude=*"),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{_processor()}, torch {version('torch')}",
    }


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)} cores of {models[0]}" if models else platform.processor() or platform.machine()
