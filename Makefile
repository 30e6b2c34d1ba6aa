# `make` alone lists the commands, and the variables that they take.

.DEFAULT_GOAL := help
.PHONY: help demo test rehearse up down retrain serve railway-image image secrets backup restore test-stack test-image bench screenshots
.PHONY: test-scale lint lock clean airflow ml ml-s3 airflow-dev ml-dev

export DATA FORCE SERVING_PORT GATEWAY_PORT UI_PORT MODEL RECORD OUTCOMES
PATHS := PYTHONPATH="$(CURDIR):$(CURDIR)/plugins"
LOCAL := $(PATHS) .venv/bin/python -m stack.local
IMAGE := customer-retraining:0.1.0
# The benchmarks that import Airflow.
OF_AIRFLOW := benchmarks/dag_overhead.py benchmarks/models_page.py
# pytest removes the temporary directories of earlier runs. Inside stack/prism/alone.sh root may not touch those of other
# users, which the tests of PostgreSQL leave; so these tests have a place of their own.
SCALE_TMP := $(or $(TMPDIR),/tmp)/retraining-test-scale

help: ## list these commands and variables
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Variables, behind the command (make demo DATA=file.csv):"
	@awk -F ' *## ' '/^# [A-Z_]+=.*## / { printf "  %-26s %s\n", substr($$1, 3), $$2 }' $(MAKEFILE_LIST)

# DATA=file.csv ## demo, up, retrain, rehearse: the data; also kaggle (but for rehearse) or sample
# FORCE=1 ## demo, retrain: retrain although nothing is new
# RETRAIN_ROOT=DIR ## where runs, models and the ledger are; var, and var/demo for the demo
# SERVING_PORT=8501 ## demo, up, serve: the port of the model server
# GATEWAY_PORT=8600 ## up, serve: the port of the gateway
# RECORD=1 ## up, serve: record requests and their answers in the root (docs/outcomes.md)
# OUTCOMES=1 ## up, serve: take outcomes of customers, and keep them in the root
# UI_PORT=8080 ## up: the port of Airflow
# MODEL=customer-model ## serve: the model
# PYTHON=python3.12 ## the interpreter for environments that are made anew
# TO=DIR ## backup: where to
# FROM=DIR ## restore: where from
# PROFILES=grafana,celery ## test-stack: more of the compose file

demo: airflow ml ## run the whole loop once through Airflow, from data to a served model (DATA=file.csv, FORCE=1)
	@$(LOCAL).demo

test: airflow-dev ml-dev ## run every test, in both environments and, where Chromium is there, in a browser
	@.venv/bin/python tests/run.py

rehearse: ml ## inject faults into a product of its own, one after the other, and print what came of each (DATA=file.csv)
	@$(PATHS) .venv-ml/bin/python -m ml.rehearsal $${DATA:+--data "$$DATA"}

up: airflow ml ## start Airflow (UI on 127.0.0.1:8080), model server (8501) and gateway (8600) in the background
	@$(LOCAL).up

down: airflow ## stop what `make up` started
	@$(LOCAL).down

retrain: airflow ## start a run in the Airflow of `make up` and follow it (DATA=file.csv, FORCE=1)
	@$(LOCAL).retrain

serve: ml ## run the model server (127.0.0.1:8501) in the foreground, and the gateway (8600), without Airflow
	@$(PATHS) exec .venv-ml/bin/python -m stack.local.serve

railway-image: ml ## stage the version that serves for Railway, and build its image if there is Docker
	@.venv-ml/bin/python -m ml status --json | .venv-ml/bin/python -m serving.railway.stage
	@if docker info >/dev/null 2>&1; then \
		DOCKER_BUILDKIT=1 docker build -f serving/railway/Dockerfile -t customer-serving-railway .; \
	else echo "There is no Docker here; Railway builds the image from serving/railway/Dockerfile."; fi

image: ## build the container image of Airflow and the steps, and print its size
	@docker build --target runtime -t $(IMAGE) .
	@docker image inspect -f '{{.Size}}' $(IMAGE) | awk '{ printf "$(IMAGE): %.2f GB\n", $$1 / 1e9 }'

secrets: ## make secrets/ and .env for docker-compose.yml; git ignores both
	@stack/compose/secrets.sh

backup: ## copy database, models and ledger out of the running containers (TO=directory)
	@stack/compose/backup.sh $(TO)

restore: ## bring a backup back (FROM=directory)
	@stack/compose/restore.sh $(FROM)

test-stack: airflow-dev ## test the compose file with real containers: a run, an alert, a restore (PROFILES=grafana,celery)
	@PROFILES=$(PROFILES) .venv/bin/python -m pytest tests/stack/docker -o faulthandler_timeout=3600

test-scale: ml-dev ## run the steps on Flink and on Prism, clusters of processes, and kill parts of them (needs Go, Java and Maven)
	@requirements/prism.sh
	@requirements/flink.sh
	@mkdir -p -m 700 $(SCALE_TMP)
	@PYTEST_DEBUG_TEMPROOT=$(SCALE_TMP) stack/prism/alone.sh .venv-ml/bin/python -m pytest tests/scale

test-image: ## run the tests of dags/, plugins/, ml/ and serving/ inside the image
	@docker build --target test -t $(IMAGE)-test .
	@docker run --rm --init $(IMAGE)-test

bench: airflow ml-dev ## measure speed, memory and quality, and print tables
	@for benchmark in benchmarks/[!_]*.py; do \
		case $$benchmark in *dag_*) environment=.venv;; *) environment=.venv-ml;; esac; \
		case $$benchmark in */processes.py) alone=stack/prism/alone.sh;; *) alone=;; esac; \
		echo "== $$benchmark"; \
		$(PATHS) PYTHONWARNINGS=ignore $$alone $$environment/bin/python -P $$benchmark || exit 1; \
	done

screenshots: airflow-dev ml ## take the pictures of README and docs anew: a demo, runs in Airflow, headless Chromium
	@$(PATHS) .venv/bin/python -m docs.screenshots

lint: airflow-dev ml-dev ## run ruff, mypy and the import contracts
	@failed=0; run() { echo "+ $$*"; "$$@" || failed=1; }; \
	run .venv/bin/ruff check .; \
	run .venv/bin/ruff format --check .; \
	run .venv/bin/mypy --follow-imports=silent dags plugins stack $(addprefix tests/,repository dags plugins stack browser) \
		docs $(OF_AIRFLOW); \
	run .venv-ml/bin/mypy ml serving prometheus tests/ml tests/serving tests/prometheus tests/scale \
		$(filter-out $(OF_AIRFLOW),$(wildcard benchmarks/*.py)); \
	$(PATHS) run .venv/bin/lint-imports; \
	if [ $$failed = 0 ]; then echo "lint: all clean"; else echo "lint: failed"; exit 1; fi

lock: ## compile the hashed locks from pyproject.toml again
	@requirements/lock.sh

clean: ## remove environments and caches, unless something runs from them; runs and models in var/ stay
	@if [ -x .venv/bin/python ]; then $(PATHS) .venv/bin/python -m stack.local.require_down; fi
	rm -rf .venv .venv-ml .venv-uv .flink .go .node .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -not -path './var/*' -exec rm -rf {} +
	@echo "var/ stays, because the runs, the models and the ledger are in it. To lose them too, remove it by hand."

airflow:
	@requirements/setup.sh .venv requirements/airflow.txt

ml:
	@requirements/setup.sh .venv-ml requirements/ml.txt

ml-s3: ## install what data and shards in s3:// need
	@requirements/setup.sh .venv-ml requirements/ml.txt requirements/ml-s3.txt

airflow-dev:
	@requirements/setup.sh .venv requirements/airflow.txt requirements/airflow-dev.txt

ml-dev:
	@requirements/setup.sh .venv-ml requirements/ml.txt requirements/ml-dev.txt
