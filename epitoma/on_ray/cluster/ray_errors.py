"""Errors that come out of Ray: those of this project inside them, and what Ray lost, in one line each."""

from collections.abc import Iterator
from contextlib import contextmanager

from ray.exceptions import RayError, RayTaskError, RuntimeEnvSetupError, UserCodeException

from epitoma.core.errors import ClusterError, EpitomaError

_WRAPPERS = (RayTaskError, UserCodeException)
"""Errors of Ray that say nothing themselves: what a task or a function raised is inside."""

_INSIDE = ("cause", "controller_failure", "_base_exc")
"""Attributes in which errors of Ray's tasks, of Ray Train's controller and of its workers have what they wrap."""

BUGS = (TypeError, AttributeError, NameError, AssertionError, LookupError, NotImplementedError)
"""Errors that a person can do nothing about: their traceback is shown."""


@contextmanager
def without_ray_errors(logs: str) -> Iterator[None]:
    """Raise what is inside of Ray's errors of the block, or a ClusterError for what Ray itself lost.

    Args:
        logs: Where Ray's logs are, or will be, for the error.

    Raises:
        ClusterError: A worker, a node or what was on it is lost, or the cluster does not answer.
    """
    try:
        yield
    except RayError as error:
        own = own_error(error)
        if own is not None:
            raise own from error
        if is_of_ray(innermost(error)):
            raise lost_error(error, logs) from error
        raise


def own_error(error: BaseException) -> EpitomaError | OSError | None:
    """The error of this project, or of the operating system, that an error was caused by; None if there is none."""
    # Ray makes its wrapper an instance of the error's own class too.
    plain = (cause for cause in causes(error) if not isinstance(cause, RayError))
    return next((cause for cause in plain if isinstance(cause, EpitomaError | OSError)), None)


def innermost(error: BaseException) -> BaseException:
    """The error at the bottom of a chain of causes, which is of Ray's own where no code of ours or others raised it."""
    bottom = list(causes(error))[-1]
    # The wrapper of an error that could not be sent is all there is of it.
    return RuntimeError(str(bottom)) if isinstance(bottom, _WRAPPERS) else bottom


def is_of_ray(error: BaseException) -> bool:
    """Whether Ray itself, its training included, raised an error."""
    return isinstance(error, RayError) or type(error).__module__.startswith("ray.")


def lost_error(error: BaseException, logs: str) -> ClusterError:
    """What Ray lost, as one line with what to do."""
    words = str(innermost(error)).strip().splitlines() or [type(error).__name__]
    advice = (
        "change what its environment asks for"
        if isinstance(error, RuntimeEnvSetupError)
        else "run the job again"
    )
    return ClusterError(
        f"Ray lost what the job needs ({words[0].strip().rstrip('.:')}): {advice} "
        f"(training and sweeps with --resume); Ray's logs: {logs}"
    )


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, its cause, the cause of that, and so on."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        inside = (getattr(cause, name, None) for name in ("__cause__", *_INSIDE))
        cause = next((each for each in inside if isinstance(each, BaseException)), None)
