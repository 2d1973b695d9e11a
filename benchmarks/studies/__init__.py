"""The paper's studies, small: `python -m benchmarks.studies`, or `make studies`."""
