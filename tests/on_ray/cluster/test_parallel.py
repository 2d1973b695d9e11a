"""Many tasks at once: results in order, errors as they are, and few to wait for however many there are."""

import pytest
import ray

from epitoma.core.errors import RunError
from epitoma.on_ray.cluster.parallel import MOST_WAITING, in_parallel


def test_results_are_in_order_and_few_are_waited_for(ray_cluster):
    started, most, seen = 0, 0, []

    def start(number: int):
        nonlocal started
        started += 1
        return ray.put(number * number)

    def watch(done: int, total: int) -> None:
        nonlocal most
        most = max(most, started - done)
        seen.append((done, total))

    count = 3 * MOST_WAITING
    assert in_parallel(start, range(count), watch) == [number * number for number in range(count)]
    assert seen == [(done, count) for done in range(1, count + 1)]
    assert most <= MOST_WAITING
    assert in_parallel(start, [], watch) == []


def test_an_error_of_a_task_is_the_one_that_it_raised(ray_cluster):
    @ray.remote(num_cpus=0)
    def fail(number):
        raise RunError(f"no such run {number}")

    with pytest.raises(RunError, match=r"^no such run 3$"):
        in_parallel(fail.remote, [3], lambda done, total: None)
