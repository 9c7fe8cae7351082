# An image for one process of Examhall: docker build --build-arg SERVICE=attempts .
# BASE is anything with Python 3.11 as python3; BUILD_BASE has the module venv besides. deploy/images/build makes both where none can be pulled.
ARG BASE=python:3.11-slim-bookworm
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS build
ARG SERVICE
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
COPY locks/uv.lock locks/uv.lock
# `ca`: certificates to trust while downloading, where the way out has its own; not needed elsewhere, and never in the image.
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca; fi; \
    python3 -m venv /opt/uv && /opt/uv/bin/python -m pip install -q --require-hashes -r locks/uv.lock
COPY deploy/images/locks/${SERVICE}.lock packages.lock
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi; \
    /opt/uv/bin/uv venv -q --python "$(command -v python3)" /opt/examhall \
    && /opt/uv/bin/uv pip install -q --python /opt/examhall/bin/python --require-hashes --no-deps --only-binary :all: -r packages.lock
COPY . .
ARG VERSION=0.1.0
RUN python3 -m deploy.images.contents code "${SERVICE}" /app \
    && printf '#!/opt/examhall/bin/python\nfrom examhall.main import app\n\napp()\n' > /opt/examhall/bin/examhall \
    && chmod 755 /opt/examhall/bin/examhall \
    && info="$(echo /opt/examhall/lib/python3*/site-packages)/examhall-${VERSION}.dist-info" && mkdir "$info" \
    && printf 'Metadata-Version: 2.1\nName: examhall\nVersion: %s\n' "${VERSION}" > "$info/METADATA"

# Compiled beforehand, since nothing can be written later; the same sources give the same bytes.
FROM build AS compiled
RUN /opt/examhall/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app /opt/examhall/lib

FROM ${BASE} AS bare
ARG SERVICE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="examhall-${SERVICE}" \
      org.opencontainers.image.description="Examhall: ${SERVICE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/opt/examhall/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    SERVICE=${SERVICE} \
    EXAMHALL_REVISION=${REVISION} \
    EXAMHALL_HTTP_HOST=0.0.0.0 \
    EXAMHALL_HTTP_PORT=8000 \
    EXAMHALL_DATA=/tmp/examhall
WORKDIR /app
USER 10001:10001
EXPOSE 8000 9000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", "import os, urllib.request as ask; ask.urlopen(f'http://127.0.0.1:{os.environ[\"EXAMHALL_HTTP_PORT\"]}/health/live', timeout=4)"]
ENTRYPOINT ["examhall"]

# For Skaffold: files may be changed in the container, and the process starts again when they are.
FROM bare AS reload
ARG SERVICE
COPY --from=build --chown=10001:10001 /opt/examhall /opt/examhall
COPY --from=build --chown=10001:10001 /app /app
COPY --chown=10001:10001 deploy/images/reloading.py /app/reloading.py
ENTRYPOINT ["python", "/app/reloading.py", "examhall"]

FROM bare AS image
COPY --from=compiled /opt/examhall /opt/examhall
COPY --from=compiled /app /app
