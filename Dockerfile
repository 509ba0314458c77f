# The image that flows run in on Fargate. The project's CI has no Docker engine and does not
# build it; `docker build` on your own machine is its first test.
#
#   docker build --platform linux/amd64 -t wickie .

FROM python:3.12-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/wickie
# Dependencies before code: a change of code does not install them anew.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --locked --no-dev --extra flows --no-install-project
COPY wickie ./wickie
COPY flows ./flows
# `flows` is found by the working directory of the pull step; `wickie` is installed.
RUN uv sync --locked --no-dev --extra flows --no-editable

FROM python:3.12-slim
# git: the source of that name reads history with it. tini: as process 1 Python ignores
# SIGTERM, and a stopped task would be killed before it could say so.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin wickie
COPY --from=build /opt/wickie /opt/wickie
# Yours; `wickie.yam[l]` and not `wickie.yaml`, so that the build passes without one.
COPY prefect.yam[l] wickie.yam[l] /opt/wickie/
WORKDIR /opt/wickie
ENV PATH=/opt/wickie/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    PREFECT_HOME=/tmp/prefect \
    WICKIE_HOME=/opt/wickie \
    WICKIE_CONFIG=/opt/wickie/wickie.yaml
# Declared so that Fargate keeps its owner and mode when it mounts a volume there: the rest of
# the disk is read-only. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
VOLUME /tmp
USER 10001
ENTRYPOINT ["tini", "-g", "--"]
CMD ["wickie", "--help"]
