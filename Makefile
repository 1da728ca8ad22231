# The two commands: `make demo` and `make test`. The rest is listed by `make help`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Half of the tests each, in their order; who is done takes some of the other's.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak spark lint check format fixtures example bench docs screenshots lock wheelhouse \
	offline sbom clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Make the virtual environment and install everything, hashes checked

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Build the shipped campaigns, print summaries, and what moved between two dates
	@$(BIN)/audience schema --write 2>/dev/null
	@echo "== audience check"
	@$(BIN)/audience check --quiet
	@echo "== audience test"
	@$(BIN)/audience test
	@echo "== audience build-pack"
	@$(BIN)/audience build-pack
	@echo
	@echo "== the same phase twelve days later: other windows, and another snapshot of the tags"
	@echo "== audience build-pack rules/mi13-2023/3-convert.yaml --as-of 2023-06-30"
	@$(BIN)/audience build-pack rules/mi13-2023/3-convert.yaml --as-of 2023-06-30 --quiet
	@echo "== audience diff-packs mi13-2023/3-convert@2023-06-18 mi13-2023/3-convert@2023-06-30"
	@$(BIN)/audience diff-packs mi13-2023/3-convert@2023-06-18 mi13-2023/3-convert@2023-06-30
	@echo
	@echo "== audience diff-packs mi13-2023/3-convert mi13-2023/4-optimise --matrix"
	@$(BIN)/audience diff-packs mi13-2023/3-convert mi13-2023/4-optimise --matrix

test: $(READY) ## Run the whole test suite
	$(PYTEST)

soak: $(READY) ## Run the tests that take minutes: crashes at random moments, and the like
	$(PYTEST) -m soak

# What language, commands, publishing and insight are held to, on the other engine.
ON_SPARK := tests/commands tests/operators/test_operator_cases.py tests/test_api.py tests/test_oracle_files.py \
	$(addprefix tests/engine/test_,chains.py missing.py snapshots.py tables.py time.py times.py) \
	$(addprefix tests/insight/test_,causes.py convert.py diff.py flow.py overlap.py profile.py waterfall.py why.py)

spark: $(READY) ## Run the tests of language, commands and insight with Spark as the engine
	$(PYTEST) --on spark $(ON_SPARK)

lint: $(READY) ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

check: lint test ## What lint looks at, and the tests

format: $(READY) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fixtures: $(READY) ## Make the fixtures anew, and the sample tables inside the package
	$(BIN)/python fixtures/make.py
	$(BIN)/python fixtures/sample.py

RETAIL := docs/examples/retail

$(RETAIL)/data/.ready: $(RETAIL)/prepare.py $(READY)
	$(BIN)/python $(RETAIL)/prepare.py
	@touch $@

example: $(RETAIL)/data/.ready ## Run the program on a year of a grocery chain's receipts
	$(BIN)/audience check --project $(RETAIL)
	$(BIN)/audience build-pack --project $(RETAIL)
	$(BIN)/audience diff-packs --project $(RETAIL) retail-2017/autumn retail-2017/holiday --matrix

SIZE ?= S
PAIRS ?= 5
ROWS ?=

bench: $(READY) ## Time the program against rivals written by hand (SIZE=S|M|L PAIRS=5 ROWS=a,b)
	$(PIP) --requirement bench/requirements.txt
	$(BIN)/python bench/run.py --size $(SIZE) --pairs $(PAIRS) $(if $(ROWS),--only $(ROWS))

docs: $(READY) ## Write the generated parts of the documentation anew
	$(BIN)/python docs/generate.py

screenshots: $(READY) ## Draw the pictures of the documentation anew (needs Chromium)
	$(BIN)/python docs/screenshots.py

COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header

lock: $(READY) ## Resolve the dependencies anew and write both lock files
	$(PIP) pip-tools
	$(COMPILE) --extra dev --all-build-deps --output-file requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --no-annotate --output-file requirements-run.lock pyproject.toml

WHEEL = $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation

wheelhouse: $(READY) ## Gather what an offline machine needs: dist/wheels, dist/requirements.txt
	rm -rf dist/wheels && mkdir -p dist/wheels
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --only-binary :all: \
		--require-hashes -r requirements-run.lock --dest dist/wheels
	$(WHEEL) --wheel-dir dist/wheels .
	cp requirements-run.lock dist/requirements.txt
	$(BIN)/python -m pip hash dist/wheels/audience-*.whl | tail -n 1 | \
		sed "s/^/audience==$$($(BIN)/audience --version | cut -d' ' -f2) /" >> dist/requirements.txt

OFFLINE := dist/venv

offline: wheelhouse ## Install from the wheel folder alone, every hash checked, into dist/venv
	rm -rf $(OFFLINE) && $(PYTHON) -m venv --without-pip $(OFFLINE)
	$(BIN)/python -m pip --python $(OFFLINE)/bin/python install --quiet --disable-pip-version-check \
		--no-index --find-links dist/wheels --require-hashes -r dist/requirements.txt

sbom: offline ## List what the program is made of, as CycloneDX: dist/sbom.json
	$(PIP) cyclonedx-bom
	$(BIN)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
		--output-file dist/sbom.json $(OFFLINE)/bin/python

clean: ## Remove what was made: environment, packs, caches
	rm -rf $(VENV) dist packs .audience .mypy_cache .ruff_cache .hypothesis $(RETAIL)/data $(RETAIL)/packs
