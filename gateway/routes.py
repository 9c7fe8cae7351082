"""Which service answers a path, which paths go in batches, which are sockets. A new route of a service needs no change here, a new prefix does."""

import re
from collections.abc import Mapping
from typing import NamedTuple

SERVICES = ("identity", "exams", "attempts", "proctoring", "grading", "analytics")

_API = "/api/v1/"
_ANY = re.escape("{}")
_SERVICE_OF_SEGMENT = {
    "auth": "identity",
    "users": "identity",
    "students": "identity",
    "teachers": "identity",
    "classes": "identity",
    "centres": "identity",
    "specializations": "identity",
    "audit-log": "identity",
    "login-attempts": "identity",
    "exams": "exams",
    "questions": "exams",
    "question-banks": "exams",
    "attempts": "attempts",
    "proctoring": "proctoring",
    "grading": "grading",
    "results": "grading",
    "analytics": "analytics",
}
_SIGNALS = ("POST", "/api/v1/proctoring/attempts/{}/signals")
_HOT = (
    ("PUT", "/api/v1/attempts/{}/answers/{}", "attempts"),
    ("PUT", "/api/v1/attempts/{}/answers", "attempts"),
    ("POST", "/api/v1/attempts/{}/heartbeat", "attempts"),
    (*_SIGNALS, "proctoring"),
)
HOT_SERVICES = tuple(dict.fromkeys(service for _, _, service in _HOT))


class Route(NamedTuple):
    """A prefix and its service; `is_auth` marks signing in, which has its own limits and decides about tokens itself."""

    prefix: str
    service: str
    is_auth: bool


_ROUTES = {
    segment: Route(_API + segment, service, segment == "auth") for segment, service in _SERVICE_OF_SEGMENT.items()
}
_JWKS = Route("/.well-known/jwks.json", "identity", False)


def _by_pattern(method: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """One pattern with a group for each hot path of a method, and the service of each group."""
    found = [(path, service) for wanted, path, service in _HOT if wanted == method]
    paths = [f"({re.escape(path).replace(_ANY, '[^/]+')})" for path, _ in found]
    return re.compile("|".join(paths)), tuple(service for _, service in found)


_HOT_PATHS = {
    method: (pattern.fullmatch, services)
    for method in {method for method, _, _ in _HOT}
    for pattern, services in [_by_pattern(method)]
}


def route_of(path: str) -> Route | None:
    """The route of a decoded path, or None when no service has it."""
    if not path.startswith(_API):
        return _JWKS if path == _JWKS.prefix else None
    end = path.find("/", len(_API))
    return _ROUTES.get(path[len(_API) :] if end < 0 else path[len(_API) : end])


def hot_service(method: str, path: str) -> str | None:
    """The service to which a request goes in batches; None: it goes by itself."""
    known = _HOT_PATHS.get(method)
    found = known[0](path) if known is not None else None
    return None if known is None or found is None else known[1][(found.lastindex or 1) - 1]


class Forward(NamedTuple):
    """A hot call that clients may make by a message on a socket: its address, the type of the answer when it was taken, and the members
    of the message that a refusal repeats, so that the client knows what was refused."""

    method: str
    path: str
    taken: str
    repeated: tuple[str, ...]


class Channel(NamedTuple):
    """What a socket at some address is about: the feed it follows, where its service gives that feed (and so says who may follow it), and
    what may be sent on it, by the type of the message. `asks_again`: who may follow today may be told not to tomorrow."""

    name: str
    service: str
    feed: str
    feed_path: str
    forwards: Mapping[str, Forward]
    asks_again: bool


_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_CHANNELS = {
    "/ws/exams/{}/monitor": Channel(
        "exam", "proctoring", "exam:{}", "/api/v1/proctoring/exams/{}/feed", {}, asks_again=True
    ),
    "/ws/attempts/{}": Channel(
        "attempt",
        "proctoring",
        "attempt:{}",
        "/api/v1/proctoring/attempts/{}/feed",
        {"signals": Forward(*_SIGNALS, "signals_taken", ("batch_id",))},
        asks_again=False,
    ),
}
CHANNEL_NAMES = tuple(channel.name for channel in _CHANNELS.values())
_CHANNEL_PATHS = [
    (re.compile(re.escape(path).replace(_ANY, f"({_UUID})")).fullmatch, channel) for path, channel in _CHANNELS.items()
]


def channel_of(path: str) -> Channel | None:
    """The channel at a socket's decoded path, about the thing it names; None when there is no such address."""
    for match, channel in _CHANNEL_PATHS:
        if found := match(path):
            thing = found[1].lower()  # as services write it in the names of feeds
            return channel._replace(
                feed=channel.feed.format(thing),
                feed_path=channel.feed_path.format(thing),
                forwards={
                    kind: forward._replace(path=forward.path.format(thing))
                    for kind, forward in channel.forwards.items()
                },
            )
    return None
