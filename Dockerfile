# The image that flows run in on Fargate.
#
#   docker build --platform linux/amd64 -t wickie .
#
# Pin both bases by digest: --build-arg PYTHON=python:3.12-slim@sha256:… --build-arg GO=…; see
# docs/deploying.md. The project's CI has no Docker engine: its tests perform the steps below,
# but for those that come with the bases, in a file system of their own.
ARG PYTHON=python:3.12-slim
ARG GO=golang:1.26.8

FROM ${GO} AS scanners
# With these settings every build gives the same bytes: wickie/vulnerabilities/program.py knows
# their digest. Sources are checked against Go's checksum database.
ENV CGO_ENABLED=0 GOFLAGS=-trimpath GOTOOLCHAIN=local GOBIN=/opt/scanners
RUN go install -ldflags "-s -w -X main.version=0.115.0" github.com/anchore/grype/cmd/grype@v0.115.0

FROM ${PYTHON} AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/wickie
# Dependencies before code: a change of code does not install them anew.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-dev --group scanners --extra flows --no-install-project
COPY wickie ./wickie
COPY flows ./flows
# `flows` is found by the working directory of the pull step; `wickie` is installed.
RUN uv sync --locked --no-dev --group scanners --extra flows --no-editable
COPY --from=scanners /opt/scanners/grype /opt/wickie/.venv/bin/grype
RUN PATH=/opt/wickie/.venv/bin:$PATH python -m wickie.vulnerabilities.program trivy grype

FROM ${PYTHON}
# git: the source of that name reads history with it. tini: as process 1 Python ignores
# SIGTERM, and a stopped task would be killed before it could say so. Debian keeps no old
# versions of packages that one could pin: the base's digest pins the release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin wickie
COPY --from=build /opt/wickie /opt/wickie
RUN install --directory --owner=10001 --mode=0700 /opt/rules
# Yours; `wickie.yam[l]` and not `wickie.yaml`, so that the build passes without one.
COPY prefect.yam[l] wickie.yam[l] /opt/wickie/
WORKDIR /opt/wickie
ENV PATH=/opt/wickie/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    PREFECT_HOME=/tmp/prefect \
    KF_RULE_CACHE_DIR=/opt/rules \
    WICKIE_HOME=/opt/wickie \
    WICKIE_CONFIG=/opt/wickie/wickie.yaml
USER 10001
# Compiled rules are loaded only by their owner, and only if nobody else could have written them.
RUN python -m wickie.scan.detectors.kingfisher \
    && chmod 0400 /opt/rules/* \
    && chmod 0500 /opt/rules
# Declared so that Fargate keeps its owner and mode when it mounts a volume there: the rest of
# the disk is read-only. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
VOLUME /tmp
ENTRYPOINT ["tini", "-g", "--"]
CMD ["wickie", "--help"]
