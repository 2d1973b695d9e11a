"""Tables of the documentation, rendered from the accepted records of benchmarks.

    python -m benchmarks.tables

A page says where a table belongs: between ``<!-- table NAME -->`` and ``<!-- end of table -->``.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.additions.measure import Row
from benchmarks.additions.report import verdicts
from benchmarks.record import read_record

DOCS = Path(__file__).parent.parent / "docs"
_PLACE = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def additions(name: str) -> str:
    """Which additions are ahead, by the record of this name."""
    record = read_record(name)
    rows = [Row(**row) for row in record["rows"]]
    seeds = ", ".join(
        f"{dataset} {count}" for dataset, count in {row.dataset: row.seeds for row in rows}.items()
    )
    measured = f"Seeds: {seeds}; {record['commit']}, {record['date']}, {record['machine']}"
    return f"{verdicts(rows)}\n\n({measured})"


TABLES: Mapping[str, Callable[[], str]] = {
    name: partial(additions, name) for name in ("additions", "additions_removed")
}
"""Tables by the names that pages have for them."""


def rendered(page: str) -> str:
    """The page with its tables as the records have them."""
    return _PLACE.sub(lambda place: f"{place[1]}{TABLES[place[2]]()}\n{place[3]}", page)


def main() -> None:
    """Write the tables into the pages."""
    for file in sorted(DOCS.glob("*.md")):
        page = file.read_text()
        if page != rendered(page):
            file.write_text(rendered(page))
            print(f"{file}: tables written")


if __name__ == "__main__":
    main()
