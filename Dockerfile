# The container image of registry-cleaner: the daemon, as nobody in particular, on a read-only root.
#
#   docker build --tag registry-cleaner:0.3.0 .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges --publish 127.0.0.1:9095:9095 \
#     --env DIGITALOCEAN_ACCESS_TOKEN --volume ./config.yaml:/etc/registry-cleaner/config.yaml:ro \
#     --volume registry-cleaner:/var/lib/registry-cleaner registry-cleaner:0.3.0
#
# With the clock taken out, a build on the same base gives the same digest wherever and whenever it is made:
#
#   docker buildx build --build-arg SOURCE_DATE_EPOCH=0 --provenance=false \
#     --output type=docker,name=registry-cleaner:0.3.0,rewrite-timestamp=true .
#   buildah build --timestamp 0 --tag registry-cleaner:0.3.0 .
#
# Podman and Buildah leave the health check out of an OCI image: they need `--format docker` for it.

# A tag moves on, with the fixes of Python and Debian. To stay on one base, name its digest as well:
# --build-arg BASE=python:3.11-slim-trixie@sha256:… (any base whose python3 is 3.11 or later and can make a venv will do).
ARG BASE=python:3.11-slim-trixie

FROM ${BASE} AS build
# The seed of hashes decides the order of sets, and with it what a compiled file looks like.
ENV PYTHONHASHSEED=0 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PIP_PYTHON=/opt/registry-cleaner/bin/python
WORKDIR /build
RUN python3 -m venv pip && python3 -m venv --without-pip /opt/registry-cleaner
COPY requirements-image.txt ./
RUN pip/bin/pip install --no-compile --require-hashes --requirement requirements-image.txt
# What .dockerignore lets through.
COPY . source
# Compiled here because nothing can be where it runs, and unchecked, so that no file's time matters.
RUN pip/bin/pip install --no-compile --no-deps --no-build-isolation ./source \
 && pip/bin/pip uninstall --yes setuptools \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/registry-cleaner/lib \
 && mkdir /state

# Nothing runs in this stage: it is the base, the environment, and a place for the state.
FROM ${BASE}
LABEL org.opencontainers.image.title="registry-cleaner" \
      org.opencontainers.image.description="Keeps DigitalOcean Container Registries inside a retention policy, and deletes nothing you still need" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/registry-cleaner/registry-cleaner"
COPY --from=build /opt/registry-cleaner /opt/registry-cleaner
COPY --from=build --chown=65532:65532 /state /var/lib/registry-cleaner
ENV PATH=/opt/registry-cleaner/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/registry-cleaner
# A number, since Kubernetes' `runAsNonRoot` cannot tell of a name whether it is root's.
USER 65532:65532
EXPOSE 9095
STOPSIGNAL SIGTERM
# It asks the port below: publish that one under another number rather than listen elsewhere.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python3", "-I", "-c", "import socket; to = socket.create_connection(('127.0.0.1', 9095), 4); to.sendall(b'GET /-/healthy HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n'); raise SystemExit(b' 200 ' not in to.recv(99))"]
ENTRYPOINT ["cleaner"]
CMD ["run", "--listen", "0.0.0.0:9095"]
