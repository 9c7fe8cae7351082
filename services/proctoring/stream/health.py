"""How a worker is, over HTTP: /health/live, /health/ready, /metrics. Nothing else listens, and nothing of an attempt can be read here."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import uvicorn

from chassis.metrics import told
from services.proctoring.stream.settings import StreamSettings

Readiness = Callable[[], list[int] | None]
"""The partitions a worker watches; None while it is not ready."""


class HealthServer(uvicorn.Server):
    """uvicorn's server without its signal handlers: the worker has its own."""

    def __init__(self, settings: StreamSettings, readiness: Readiness) -> None:
        super().__init__(
            uvicorn.Config(
                _application(readiness),
                host=settings.http_host,
                port=settings.http_port,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    @contextmanager
    def capture_signals(self) -> Any:
        yield


def _application(readiness: Readiness) -> Callable[..., Any]:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
        status, kind, body = _reply(scope["path"], accept, readiness)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


def _reply(path: str, accept: str, readiness: Readiness) -> tuple[int, str, bytes]:
    match path:
        case "/health/live":
            return 200, "application/json", b'{"status":"alive"}'
        case "/health/ready":
            partitions = readiness()
            is_ready = partitions is not None
            content = {"status": "ready" if is_ready else "not ready", "partitions": partitions or []}
            return 200 if is_ready else 503, "application/json", json.dumps(content).encode()
        case "/metrics":
            body, kind = told(accept)
            return 200, kind, body
        case _:
            return 404, "application/json", b'{"status":"not found"}'
