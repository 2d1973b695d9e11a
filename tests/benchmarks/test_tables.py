"""Tables in the documentation are what the records say."""

import pytest

from benchmarks import tables
from benchmarks.tables import PAGES, TABLES, rendered

TEXTS = {file.name: file.read_text() for file in PAGES}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_its_place_and_stands_there_as_its_record_has_it(name):
    pages = {page: text for page, text in TEXTS.items() if f"<!-- table {name} -->" in text}
    assert pages
    assert {page: rendered(text) for page, text in pages.items()} == pages


def test_a_table_is_written_anew_and_the_rest_of_the_page_is_left(monkeypatch):
    monkeypatch.setattr(tables, "TABLES", {"it": lambda: "| new |"})
    page = "before\n<!-- table it -->\n| old |\n| more |\n<!-- end of table -->\nafter\n"
    assert rendered(page) == "before\n<!-- table it -->\n| new |\n<!-- end of table -->\nafter\n"
