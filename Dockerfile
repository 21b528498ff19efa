# The four distributions of Onport Relay and what they need, pinned by requirements-run.lock; the
# same image runs workers, beat, gateway, command line and sandbox. Python's version: any from 3.11
# on. No secret and no settings are in it.
ARG BASE=python:3.13.9-slim-trixie

FROM ${BASE} AS build
WORKDIR /source
RUN python -m venv /opt/relay
# Before the sources: a change of ours does not install the world again.
COPY requirements-run.lock ./
RUN /opt/relay/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary=:all: -r requirements-run.lock
COPY queue queue
COPY producers producers
COPY worker worker
COPY sandbox sandbox
RUN /opt/relay/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --no-deps ./queue ./producers ./worker ./sandbox

FROM ${BASE}
# A volume takes over the owner of the folder that it is mounted on.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin relay \
    && install -d -o relay -m 700 /var/lib/onport-relay
COPY --from=build /opt/relay /opt/relay
# Settings are looked for in the working directory: relay.toml.
WORKDIR /srv/relay
ENV PATH=/opt/relay/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
CMD ["onport-relay", "--help"]
