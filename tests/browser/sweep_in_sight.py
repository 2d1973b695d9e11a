"""Runs a sweep on a Ray with a dashboard, says where that is, and keeps it up until standard input closes.

Arguments: a JSON file of the sweep's config, and the dashboard's port.
"""

import json
import logging
import sys
from pathlib import Path

from epitoma.config import from_dict
from epitoma.on_ray.runtime import ray_session

import ray  # isort: skip  (our runtime sets what Ray reads while it is imported)

from ray_jobs.sweep import SweepConfig, sweep  # isort: skip


def main() -> None:
    """Sweep, say so, and wait."""
    file, port = Path(sys.argv[1]), int(sys.argv[2])
    info = ray.init(
        address="local",
        include_dashboard=True,
        dashboard_host="127.0.0.1",
        dashboard_port=port,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    config = from_dict(SweepConfig, json.loads(file.read_text()), source=str(file))
    with ray_session(logs=config.folder / "logs"):
        sweep(config)
        sys.stdout.write(f"dashboard {info.dashboard_url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
