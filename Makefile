# `make demo`, `make test`, `make check`, `make ui`, `make bench NAME=store`, `make wheel`, `make constraints`.
# Needs Python 3.11 to 3.13 as `python3` (or PYTHON=…) and a package index; writes nothing outside this folder.

PYTHON ?= python3
AIRFLOW ?= 3.3.2
VENV ?= .venv
JOBS ?= 2
PORT ?= 8080
MARKS ?= not slow
NAME ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(AIRFLOW)$(if $(ML_MONITOR_TEST_SPARK),-spark)
PY_VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
PINS = constraints/airflow-$(AIRFLOW)-py$(PY_VERSION).txt

# Without compiled files every process that imports Airflow takes twice as long.
unexport PYTHONDONTWRITEBYTECODE
export UV_COMPILE_BYTECODE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(abspath $(BIN)):$(PATH)

# The demo's and the browser's Airflow: small, local, quiet.
ui demo: export AIRFLOW_HOME := $(CURDIR)/.demo/airflow
ui demo: export AIRFLOW__CORE__DAGS_FOLDER := $(CURDIR)/dags
ui demo: export AIRFLOW__CORE__LOAD_EXAMPLES := False
ui demo: export AIRFLOW__CORE__PARALLELISM := 4
ui demo: export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED := False
demo: export AIRFLOW__LOGGING__LOGGING_LEVEL := ERROR
ui: export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS := True
ui: export AIRFLOW__API__HOST := 127.0.0.1
ui: export AIRFLOW__API__PORT := $(PORT)
ui: export AIRFLOW__API__BASE_URL := http://localhost:$(PORT)
ui: export AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL := 30

.PHONY: help demo ui test check bench wheel constraints install clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,2s/^# //p' Makefile

install: $(READY)

$(READY): pyproject.toml $(wildcard constraints/*.txt)
	@test -f $(PINS) || { echo "no $(PINS): take Python 3.11, 3.12 or 3.13, e.g. make PYTHON=python3.11 …"; exit 1; }
	@echo "Installing Airflow $(AIRFLOW) and what the package needs into $(VENV) (half a minute to a few) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@sh .ci/install $(BIN)/python $(PINS)
	@rm -f $(VENV)/.ready-* && touch $@

demo: $(READY)
	@rm -rf .demo
	$(BIN)/python -m airflow_ml_monitor demo

ui: $(READY)
	@echo "Airflow starts at http://localhost:$(PORT) (15 to 60 seconds; Ctrl-C stops it; another port: make ui PORT=…)"
	$(BIN)/airflow standalone

test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "$(MARKS)" $(TESTS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: $(READY)
	@test -f "tests/benchmarks/$(NAME).py" || { echo "make bench NAME=…; one of: $(basename $(notdir $(wildcard tests/benchmarks/*.py)))"; exit 1; }
	$(BIN)/python tests/benchmarks/$(NAME).py

wheel: $(READY)
	$(BIN)/python -m build --installer uv

constraints: $(READY)
	$(BIN)/python constraints/make.py --upgrade

clean:
	rm -rf .demo .airflow build dist
