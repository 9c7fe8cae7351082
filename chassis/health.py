"""Health, readiness and metrics of a service.

Ready means that it can answer: its database is there and tokens can be checked. Kafka is reported and does not count, since an exam goes on
without it and events wait in the outbox.
"""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from chassis.http import runtime_of
from chassis.metrics import told

if TYPE_CHECKING:
    from chassis.service import Runtime

router = APIRouter(include_in_schema=False)


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/health/ready")
async def ready(request: Request, response: Response) -> dict[str, Any]:
    """Whether the service can do its work, part by part."""
    parts = await _parts(runtime_of(request))
    is_ready = parts["database"] == "ok" and parts["tokens"] == "ok"
    response.status_code = 200 if is_ready else 503
    return {"status": "ready" if is_ready else "not ready", "parts": parts}


async def _parts(runtime: "Runtime") -> dict[str, str]:
    return {
        "database": "ok" if await runtime.database.answers() else "does not answer",
        "tokens": "ok" if runtime.security.is_ready.is_set() else "no keys from identity yet",
        "relay": runtime.relay.status,
        "consumer": runtime.consumer.status if runtime.consumer else "none",
    }


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus's text format, or OpenMetrics for who asks for it."""
    body, content_type = told(request.headers.get("accept", ""))
    return Response(body, media_type=content_type)
