"""Variables that Ray reads while it is imported, or when it starts; what the environment has already stays."""

import os

QUIET = {
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "|".join(
        [
            # Ten lines of a worker that a video ended, which this project tells in one.
            "infinite retries remaining",
            "worker died or was killed while executing a task",
            # Of several small actors at once, which is what a sweep has.
            "worker processes have been started on node",
        ]
    ),
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}
"""Variables that turn off Ray's console output, warnings and metrics."""
TUNE = {
    # Seconds between Tune's snapshots of finished trials: a killed sweep loses at most these.
    "TUNE_GLOBAL_CHECKPOINT_S": "3",
    # Tune's own SIGINT handler would end a stopped sweep as if it were complete.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
}
# Else any call of Ray without a session starts a whole Ray: a pipeline that is closed at exit, for one.
UNASKED = {"RAY_ENABLE_AUTO_CONNECT": "0"}
# Else a SIGTERM while Ray starts aborts the process, with a trace of its core.
SIGNALS = {"RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1"}
# At Ray's own 15, decoding on busy cores takes a quarter more CPU time (benchmarks/RESULTS.md).
PRIORITY = {"RAY_worker_niceness": "0"}


def set_variables() -> None:
    """Set them in this process, for all that it starts."""
    for name, value in {**QUIET, **PRIORITY, **TUNE, **UNASKED, **SIGNALS}.items():
        os.environ.setdefault(name, value)
