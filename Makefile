# Each target sets up what it needs, in .venv, on a machine that has Python 3.11 or newer (with venv) and make.
# Variables: PYTHON (the interpreter to build .venv with), CORES, ARGS (handed on to pytest or snakemake).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup cluster offline-pack offline-setup demo test lint format bench clean

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
CORES ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
ARRAYS := profiles/slurm/arrays
OFFLINE ?= envs/requirements.txt envs/slurm.txt
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	if $$p -c '$(NEW_ENOUGH)' 2>/dev/null; then echo $$p; break; fi; done)
# stages and snakemake run the interpreter of .venv; JIT caches and outputs stay where they belong
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONNOUSERSITE := 1

help: ## this list
	@echo "make TARGET, one of:"
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16
	@echo "for instance: make demo CORES=4, make test ARGS='-k svm', make setup PYTHON=python3.12"

setup: .venv/.ready ## the environment of the workflow, in .venv

cluster: .venv/.ready ## setup for a Slurm cluster: docs/cluster.md
	@$(PIP) install -r envs/slurm.txt
	@$(PIP) install --no-build-isolation --no-deps ./$(ARRAYS) && rm -rf $(ARRAYS)/build $(ARRAYS)/*.egg-info
	@echo "cluster: set your partitions and account in profiles/slurm/config.yaml, then"
	@echo "  snakemake --workflow-profile profiles/slurm"

offline-pack: .venv/.ready ## one file with data and packages, for machines without a network (ARGS='--config preset=paper')
	@python -m kanrepro.bundle.offline $(ARGS)
	@echo "offline-pack: there, type: tar xf kanrepro-offline.tar && make -C kanrepro offline-setup"

offline-setup: .venv/bin/python ## in the unpacked file: the environment, from what lies there
	@test -f manifest-sha256.txt || { echo "offline-setup: this is no unpacked file of make offline-pack"; exit 2; }
	@sha256sum --check --quiet manifest-sha256.txt
	@$(PIP) install --no-index --find-links wheels $(OFFLINE:%=-r %) || { echo "offline-setup: the packages here are for \
	$$(cat wheels/python.txt); name that one: rm -r .venv; make offline-setup PYTHON=/path/to/python3"; exit 2; }
	@$(PIP) install --no-index --no-build-isolation --no-deps -e . ./$(ARRAYS) && rm -rf $(ARRAYS)/build $(ARRAYS)/*.egg-info
	@touch .venv/.ready

demo: .venv/.ready ## the whole workflow at demo size, offline: results/demo/report.html
	@echo "demo: the whole workflow at demo size on $(CORES) cores"
	@snakemake --cores $(CORES) --config preset=demo $(ARGS)

test: .venv/.ready-dev ## the tests (ARGS='-m slow' for the long ones)
	@python -m pytest $(ARGS)

lint: .venv/.ready-dev ## style, formatting, types, workflow
	@ruff check .
	@ruff format --check .
	@snakefmt --check .
	@snakemake --lint
	@pyright

format: .venv/.ready-dev ## bring all code into the form that lint asks for
	@ruff check --fix-only .
	@ruff format .
	@snakefmt .

bench: .venv/.ready-dev ## speed and memory, as ratios: docs/benchmarks
	@$(PIP) install --no-deps -r envs/bench.txt
	@python bench/run.py $(ARGS)

clean: ## remove what demo and tools leave; downloads, results of other presets and .venv stay
	@rm -rf results/demo logs/demo benchmarks/demo .hypothesis .pytest_cache .ruff_cache .coverage htmlcov build
	@find workflow tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: left resources/, .snakemake/, .venv/ and the results of other presets in place"

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "setup: kanrepro needs Python 3.11 or newer; name one: make setup PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "setup: $(PYTHON) does not run or is older than Python 3.11"; exit 2; }
	@echo "setup: a virtual environment in .venv, with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "setup: $(PYTHON) has no venv module (Debian: apt-get install python3-venv)"; exit 2; }

.venv/.ready: envs/requirements.txt envs/pins.txt pyproject.toml | .venv/bin/python
	@echo "setup: installing the pinned packages (minutes, once)"
	@$(PIP) install -r envs/requirements.txt
	@$(PIP) install --no-build-isolation --no-deps -e .
	@touch $@

.venv/.ready-dev: envs/dev.txt envs/slurm.txt .venv/.ready
	@echo "setup: installing the tools for tests and checks"
	@$(PIP) install -r envs/dev.txt -r envs/slurm.txt
	@touch $@
