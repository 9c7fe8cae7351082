"""Which pages of other origins may call the API (Fetch standard). Tokens travel in a header, never in a cookie, so no credentials."""

from collections.abc import Sequence

from gateway.arrivals import Arrival, Headers

_EXPOSED = b"ETag, Location, Retry-After, RateLimit, RateLimit-Policy, X-Request-ID, Content-Disposition"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID, Traceparent"
_VARY: Headers = [(b"vary", b"Origin")]


class Cors:
    """The origins that are allowed; `*` allows every one."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._allows_all = "*" in origins
        self._allowed = {origin.rstrip("/").encode(): self._headers_of(origin.rstrip("/")) for origin in origins}

    def headers(self, arrival: Arrival) -> Headers:
        """What the reply tells the browser; nothing when the request is not of another origin's page."""
        origin = arrival.headers.get(b"origin")
        if origin is None:
            return []
        if self._allows_all:
            return self._allowed[b"*"]
        return self._allowed.get(origin, _VARY)

    def allows(self, origin: bytes) -> bool:
        """Whether pages of this origin may call."""
        return self._allows_all or origin in self._allowed

    def preflight(self, arrival: Arrival) -> Headers | None:
        """What the reply to a preflight adds, or None when this is not one."""
        if arrival.method != "OPTIONS" or b"access-control-request-method" not in arrival.headers:
            return None
        if len(self.headers(arrival)) < 2:
            return []
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _REQUEST_HEADERS),
            (b"access-control-max-age", b"7200"),
        ]

    @staticmethod
    def _headers_of(origin: str) -> Headers:
        allowed: Headers = [
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-expose-headers", _EXPOSED),
        ]
        return allowed if origin == "*" else allowed + _VARY
