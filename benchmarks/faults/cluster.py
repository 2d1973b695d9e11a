"""A cluster for a block."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.nodes import Nodes


@contextmanager
def cluster(
    *, decode: int, train: int, object_store_bytes: int = 200_000_000
) -> Iterator[tuple[Nodes, dict[str, str]]]:
    """Nodes, and what a job needs in its environment to join them."""
    nodes = Nodes(object_store_bytes=object_store_bytes)
    try:
        for role, count in (("decode", decode), ("train", train)):
            for _ in range(count):
                nodes.add(role)
        yield nodes, {"RAY_ADDRESS": nodes.address}
    finally:
        nodes.end()
