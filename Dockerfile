# One image for the server and the assistant: `docker build -t coplayer .`
# Pin by digest where you build for others: docker buildx imagetools inspect python:3.13.9-slim-bookworm

FROM python:3.13.9-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN pip install uv==0.9.7
WORKDIR /source
# What it needs, with the hashes of uv.lock; this layer stays while only our own code changes.
COPY pyproject.toml uv.lock ./
RUN uv export --frozen --no-emit-project --extra mcp --extra postgres --extra traces --output-file /requirements.txt \
    && python -m venv /opt/coplayer \
    && uv pip install --python /opt/coplayer/bin/python --require-hashes --requirements /requirements.txt
# The wheel holds the built board; node comes from PyPI for the time of the build.
COPY . .
RUN uv build --wheel --out-dir /wheels \
    && uv pip install --python /opt/coplayer/bin/python --no-deps /wheels/*.whl

FROM python:3.13.9-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin coplayer \
    && install --directory --owner coplayer --group coplayer --mode 0700 /data
COPY --from=build /opt/coplayer /opt/coplayer
ENV PATH=/opt/coplayer/bin:$PATH PYTHONUNBUFFERED=1 \
    COPLAYER_HOST=0.0.0.0 COPLAYER_PORT=8000 COPLAYER_DATA=/data COPLAYER_LOG=json
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["coplayer"]
CMD ["serve"]
