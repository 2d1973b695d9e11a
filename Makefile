# Everything a person runs. Each target makes the environment first, if it is missing or out of date.
PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install demo test test-slow lint bench studies
install: $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m ray_jobs.demo

test: $(STAMP)
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest -m nodes

# Every command of the documentation, on tiny data: about twenty minutes.
test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

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
	$(BIN)/python -m benchmarks.fuzz_video --count 5000 --json runs/benchmarks/fuzz_video.json
	$(BIN)/python -m benchmarks.decode --json runs/benchmarks/decode.json

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[offline-weights,dev]'
	touch $(STAMP)
