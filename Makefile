# Short names for the scripts; `make` alone lists them.

.DEFAULT_GOAL := help
PROJECT ?= pro1
PYTEST = $${VENV:-.venv}/bin/python -m pytest -q

##@ Run

setup: ## Prepare this checkout: environment, dependencies, .env files
	./scripts/setup.sh

up: ## Start PROJECT (pro1, pro2, …, all) and wait until it is ready
	./scripts/start-dev.sh --project $(PROJECT) --yes

down: ## Stop PROJECT; its data is kept
	./scripts/stop-dev.sh --project $(PROJECT) --yes

status: ## Show every part of every instance
	./scripts/status.sh

logs: ## Follow the logs of PROJECT
	./scripts/logs.sh --project $(PROJECT)

demo: ## The main job on a real data set
	./scripts/demo.sh --project $(PROJECT)

##@ Check

test: ## All tests
	./scripts/test.sh

unit: ## Unit tests: no servers
	./scripts/test.sh --unit

integration: ## Integration tests: real servers
	./scripts/test.sh --integration

e2e: ## End-to-end tests: two running instances
	./scripts/test.sh --e2e

containers: ## Both instances in containers: an engine, images, the main job, kills
	./scripts/test.sh --containers

isolation: ## Every crossing between the running instances, tried
	./scripts/check-isolation.sh

soak: ## The long fault test: thousands of tasks under hundreds of faults
	./scripts/soak.sh

fuzz: ## The long forms of made-up input: bytes over TCP, damaged files, forged tokens, calls from OpenAPI
	./scripts/fuzz.sh files
	./scripts/fuzz.sh tokens
	./scripts/fuzz.sh http
	./scripts/fuzz.sh openapi

manifests: ## Render, validate and test everything for Kubernetes
	./scripts/check-deployments.sh
	$(PYTEST) tests/deployments

lint: ## Style, types, import contracts, shell, drift
	./scripts/lint.sh

format: ## Repair style, then lint
	./scripts/lint.sh --fix

ci: ## What continuous integration runs
	./.ci/run

##@ Maintain

sync: ## Stamp the copies from backend-pro1
	./scripts/sync-projects.sh

add: ## Make the next instance
	./scripts/new-project.sh --yes

lock: ## Compile the lock files
	./scripts/lock.sh

##@ Help

help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup up down status logs demo test unit integration e2e containers isolation soak fuzz manifests lint format ci sync add lock help
