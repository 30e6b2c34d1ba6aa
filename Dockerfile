# One image for all Airflow services, for the steps they run, and for the exporter: `make image`.
#
# Debian 13 and Python 3.13, for which the lock of the ML environment holds TensorFlow 2.21. The layout is that of a
# checkout, so code and tests find both environments where they expect them. To pin the base for good, put
# python:3.13-slim-trixie@sha256:... here, as `docker buildx imagetools inspect python:3.13-slim-trixie` prints it.
ARG PYTHON=python:3.13-slim-trixie

FROM ${PYTHON} AS builder
# For pyfarmhash, which has no wheel. It stays in this stage.
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/retraining
COPY requirements/image.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/uv && /opt/uv/bin/pip install --require-hashes -r requirements/image.txt
ENV PATH=/opt/uv/bin:$PATH UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never

# The environments are stages of their own: they are made side by side, and a new lock remakes only one.
FROM builder AS airflow
COPY requirements/airflow.txt requirements/
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --python /usr/local/bin/python .venv \
 && uv pip install --python .venv/bin/python --compile-bytecode --require-hashes -r requirements/airflow.txt

FROM builder AS ml
COPY requirements/ml.txt requirements/
# Headers are for those who compile against TensorFlow and Arrow.
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --python /usr/local/bin/python .venv-ml \
 && uv pip install --python .venv-ml/bin/python --compile-bytecode --require-hashes -r requirements/ml.txt \
 && rm -rf .venv-ml/lib/python3*/site-packages/tensorflow/include .venv-ml/lib/python3*/site-packages/pyarrow/include

FROM ${PYTHON} AS runtime
# Whoever runs it is in group 0 and has any number: compose takes the one that can read the secrets. What may be
# written is writable for that group, and new volumes take their rights from here.
RUN useradd --uid 50000 --gid 0 --home-dir /home/airflow --no-create-home --shell /usr/sbin/nologin airflow \
 && install -d -m 1777 /home/airflow \
 && install -d -o airflow -g 0 -m 2775 /var/lib/retraining /var/log/airflow
WORKDIR /opt/retraining
COPY --from=ml /opt/retraining/.venv-ml .venv-ml
COPY --from=airflow /opt/retraining/.venv .venv
COPY pyproject.toml ./
COPY serving serving
COPY ml ml
COPY plugins plugins
COPY dags dags
COPY stack stack
# Compiled here, because at run time the file system is read-only. Readable for everybody, whatever the umask of the clone.
RUN chmod -R a+rX pyproject.toml serving ml plugins dags stack \
 && python -m compileall -q serving ml plugins dags stack
ENV PATH=/opt/retraining/.venv/bin:$PATH \
    PYTHONPATH=/opt/retraining \
    PYTHONUNBUFFERED=1 \
    PYTHONWARNINGS=ignore \
    HOME=/home/airflow \
    USER=airflow \
    AIRFLOW_HOME=/home/airflow/airflow \
    RETRAIN_ROOT=/var/lib/retraining
USER 50000:0
CMD ["airflow", "version"]

# The tests of this repository in the very environments of the image: `make test-image`.
FROM runtime AS test
USER root
COPY --from=builder /opt/uv /opt/uv
COPY requirements requirements
RUN --mount=type=cache,target=/root/.cache/uv \
    for pair in .venv:airflow-dev .venv-ml:ml-dev; do \
        /opt/uv/bin/uv pip install --link-mode copy --python "${pair%%:*}/bin/python" --require-hashes \
            -r "requirements/${pair##*:}.txt" || exit 1; \
    done
COPY tests tests
COPY benchmarks benchmarks
COPY prometheus/airflow.env prometheus/
COPY docs/deploy.md docs/findings.md docs/gate.md docs/monitor.md docs/customers.csv docs/
RUN chmod -R a+rX tests benchmarks requirements prometheus docs
ENV RETRAIN_ROOT= PYTHONPATH= AIRFLOW_HOME= PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis
USER 50000:0
CMD ["bash", "-c", "failed=0; \
    .venv/bin/python -m pytest tests/dags tests/plugins || failed=1; \
    .venv-ml/bin/python -m pytest tests/ml tests/serving || failed=1; \
    exit $failed"]

# What is built when nothing else is asked for.
FROM runtime
