"""Tables of the documentation, rendered from the accepted records of benchmarks.

    python -m benchmarks.tables

A page says where a table belongs: between ``<!-- table NAME -->`` and ``<!-- end of table -->``.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import decode as decode_benchmark
from benchmarks.additions.measure import Row
from benchmarks.additions.report import on_test, verdicts
from benchmarks.end_to_end import report as end_to_end_report
from benchmarks.end_to_end.measure import Row as EndToEndRow
from benchmarks.faults.outcome import Outcome
from benchmarks.faults.outcome import table as faults_table
from benchmarks.public_reports.__main__ import by_module
from benchmarks.record import read_record
from epitoma.core.config import from_dict

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "benchmarks" / "RESULTS.md", *sorted((ROOT / "docs").glob("*.md")))
_PLACE = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def additions(name: str) -> str:
    """Which additions are ahead, by the record of this name."""
    rows, measured = _read(name)
    return f"{verdicts(rows)}\n\n{measured}"


def selector() -> str:
    """Test accuracy of the paper's model and of epitoma's, each with an L0 weight or budgets and with a target."""
    rows, measured = _read("additions")
    return f"{on_test(rows, SELECTORS)}\n\n{measured}"


def end_to_end() -> str:
    """The arms of training end to end, and what is claimed of them."""
    record = read_record("end_to_end")
    rows = [EndToEndRow(**row) for row in record["rows"]]
    seeds = len({row.seed for row in rows})
    return f"{end_to_end_report.markdown(rows)}\n\n({seeds} seeds; {_measured(record)})"


def decode() -> str:
    """Decoding against other decoders."""
    record = read_record("decode")
    rows = [from_dict(decode_benchmark.Row, row, source="decode") for row in record["rows"]]
    return f"{decode_benchmark.markdown(rows)}\n\n({_measured(record)})"


def faults() -> str:
    """What came of each fault."""
    record = read_record("faults")
    outcomes = [Outcome(**row) for row in record["rows"]]
    well = sum(outcome.is_well for outcome in outcomes)
    return f"{faults_table(outcomes)}\n\n{well} of {len(outcomes)} as wanted. ({_measured(record)})"


def fuzz_video() -> str:
    """What became of damaged files."""
    record = read_record("fuzz_video")
    lines = ["| files | what became of them | slowest, s of CPU | most memory, MiB |", "|---|---|---|---|"]
    lines += [
        f"| {row['files']} | {row['kind']} | {row['slowest_seconds']} | {row['memory_bytes'] >> 20} |"
        for row in record["rows"]
    ]
    return "\n".join([*lines, "", f"({_measured(record)})"])


def public_reports() -> str:
    """How many cases of each kind are well."""
    record = read_record("public_reports")
    well = {row["case"]: row["ok"] for row in record["rows"]}
    lines = ["| what is tried | cases | as wanted |", "|---|---|---|"]
    for about, names in by_module().items():
        done = [well[name] for name in names if name in well]
        lines.append(f"| {about} | {len(done)} | {sum(done)} |")
    seconds = sum(row["seconds"] for row in record["rows"])
    return "\n".join([*lines, "", f"({seconds / 60:.0f} minutes in all; {_measured(record)})"])


def _read(name: str) -> tuple[list[Row], str]:
    """Rows of a record of additions, and how they were measured, in brackets."""
    record = read_record(name)
    rows = [Row(**row) for row in record["rows"]]
    seeds = ", ".join(
        f"{dataset} {count}" for dataset, count in {row.dataset: row.seeds for row in rows}.items()
    )
    return rows, f"(Seeds: {seeds}; {_measured(record)})"


def _measured(record: Mapping[str, Any]) -> str:
    return f"{record['commit']}, {record['date']}, {record['machine']}"


SELECTORS: Mapping[str, str] = {
    "paper": "the paper's",
    "target": "the paper's, with a target",
    "all": "ours",
    "all_with_target": "ours, with a target",
}
"""What the variants of the additions are called where they are compared as selectors."""

TABLES: Mapping[str, Callable[[], str]] = {
    "additions": partial(additions, "additions"),
    "additions_removed": partial(additions, "additions_removed"),
    "selector": selector,
    "end_to_end": end_to_end,
    "decode": decode,
    "faults": faults,
    "fuzz_video": fuzz_video,
    "public_reports": public_reports,
}
"""Tables by the names that pages have for them."""


def rendered(page: str) -> str:
    """The page with its tables as the records have them."""
    return _PLACE.sub(lambda place: f"{place[1]}{TABLES[place[2]]()}\n{place[3]}", page)


def main() -> None:
    """Write the tables into the pages."""
    for file in PAGES:
        page = file.read_text()
        if page != rendered(page):
            file.write_text(rendered(page))
            print(f"{file}: tables written")


if __name__ == "__main__":
    main()
