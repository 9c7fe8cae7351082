"""What operators ask of the gateway: does it live, is it ready, which services answer, its metrics."""

import asyncio
import time

from prometheus_client.metrics import Histogram

from chassis import metrics
from chassis.errors import NotFound
from chassis.security import Security
from gateway.arrivals import Arrival, members
from gateway.proxy import Proxy
from gateway.replies import NO_STORE, Reply, json_reply
from gateway.routes import SERVICES
from gateway.settings import Settings, names
from gateway.tail import Tail
from gateway.upstream_reply import UpstreamError

_ASK_SECONDS = 1.0


class Health:
    """Asks the services, at most once a second however often it is asked."""

    def __init__(self, settings: Settings, security: Security, proxy: Proxy, tail: Tail) -> None:
        self._security = security
        self._proxy = proxy
        self._tail = tail
        self._may_read_metrics = members(names(settings.metrics_networks))
        self._asked_at = -_ASK_SECONDS
        self._parts: dict[str, str] = {}

    async def live(self, _: Arrival) -> Reply:
        """The process answers."""
        return json_reply(200, {"status": "alive"})

    async def ready(self, _: Arrival) -> Reply:
        """Ready means that tokens can be checked and requests passed on. A service that is away is told and does not count, and
        neither does the broker, whose live events sockets fetch later: what the others do goes on."""
        now = time.monotonic()
        if now - self._asked_at >= _ASK_SECONDS:
            self._asked_at = now
            answers = await asyncio.gather(*[self._ask(service) for service in SERVICES])
            self._parts = dict(zip(SERVICES, answers, strict=True))
        has_keys = self._security.is_ready.is_set()
        parts = {"tokens": "ok" if has_keys else "no keys from identity yet", "live": self._tail.status, **self._parts}
        return json_reply(200 if has_keys else 503, {"status": "ready" if has_keys else "not ready", "parts": parts})

    async def metrics(self, arrival: Arrival) -> Reply:
        """Prometheus's text format, or OpenMetrics for who asks for it; for the networks of operators only."""
        if not self._may_read_metrics(arrival.client):
            raise NotFound("There is no such address.")
        body, content_type = metrics.told(arrival.headers.get(b"accept", b"").decode("latin-1"))
        return Reply(200, body, [NO_STORE], content_type.encode())

    async def _ask(self, service: str) -> str:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                status = await self._proxy.status(service, "/health/ready")
        except (UpstreamError, TimeoutError):
            return "does not answer"
        return "ok" if status == 200 else "not ready"


_observers: dict[tuple[str, str, int], Histogram] = {}


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """Counts a request; the labelled metric is looked up once."""
    observer = _observers.get((method, route, status))
    if observer is None:
        observer = _observers[method, route, status] = metrics.REQUEST_SECONDS.labels(method, route, str(status))
    metrics.observe(observer, seconds)
