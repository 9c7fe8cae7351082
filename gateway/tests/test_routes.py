import pytest

from gateway.routes import channel_of, hot_service, route_of


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v1/auth/login", "identity"),
        ("/api/v1/users", "identity"),
        ("/api/v1/students/1", "identity"),
        ("/api/v1/teachers", "identity"),
        ("/api/v1/classes", "identity"),
        ("/api/v1/centres", "identity"),
        ("/api/v1/specializations", "identity"),
        ("/api/v1/audit-log", "identity"),
        ("/api/v1/login-attempts", "identity"),
        ("/.well-known/jwks.json", "identity"),
        ("/api/v1/exams", "exams"),
        ("/api/v1/questions/1", "exams"),
        ("/api/v1/question-banks", "exams"),
        ("/api/v1/attempts/1/submit", "attempts"),
        ("/api/v1/proctoring/exams/1/board", "proctoring"),
        ("/api/v1/grading/queue", "grading"),
        ("/api/v1/results", "grading"),
        ("/api/v1/analytics/exams/1", "analytics"),
    ],
)
def test_a_path_belongs_to_the_service_of_its_prefix(path: str, service: str) -> None:
    route = route_of(path)
    assert route is not None
    assert route.service == service


@pytest.mark.parametrize(
    "path", ["/", "/api/v1", "/api/v1/", "/api/v1/examsx", "/api/v2/exams", "/metrics", "/.well-known", "/api/v1/Exams"]
)
def test_no_service_has_any_other_path(path: str) -> None:
    assert route_of(path) is None


def test_only_signing_in_is_of_the_auth_class() -> None:
    assert route_of("/api/v1/auth/refresh").is_auth
    assert not route_of("/api/v1/users").is_auth


@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("PUT", "/api/v1/attempts/a/answers/q", "attempts"),
        ("PUT", "/api/v1/attempts/a/answers", "attempts"),
        ("POST", "/api/v1/attempts/a/heartbeat", "attempts"),
        ("POST", "/api/v1/proctoring/attempts/a/signals", "proctoring"),
        ("GET", "/api/v1/attempts/a/answers", None),
        ("POST", "/api/v1/attempts/a/answers", None),
        ("PUT", "/api/v1/attempts/a/heartbeat", None),
        ("PUT", "/api/v1/attempts/a/answers/q/x", None),
        ("PUT", "/api/v1/attempts//answers", None),
        ("POST", "/api/v1/attempts/a/submit", None),
        ("GET", "/api/v1/proctoring/attempts/a/signals", None),
        ("POST", "/api/v1/attempts/a/signals", None),
    ],
)
def test_saves_heartbeats_and_signals_alone_go_in_batches_each_to_its_service(
    method: str, path: str, service: str | None
) -> None:
    assert hot_service(method, path) == service


THING = "0190a000-0000-7000-8000-00000000000a"


def test_a_monitor_follows_the_feed_of_its_exam_and_sends_nothing() -> None:
    channel = channel_of(f"/ws/exams/{THING.upper()}/monitor")
    assert channel is not None
    assert (channel.service, channel.feed, channel.feed_path, dict(channel.forwards)) == (
        "proctoring",
        f"exam:{THING}",
        f"/api/v1/proctoring/exams/{THING}/feed",
        {},
    )


def test_a_students_channel_follows_the_attempt_and_takes_signals() -> None:
    channel = channel_of(f"/ws/attempts/{THING}")
    assert channel is not None
    forward = channel.forwards["signals"]
    assert (channel.feed, channel.feed_path) == (f"attempt:{THING}", f"/api/v1/proctoring/attempts/{THING}/feed")
    assert hot_service(forward.method, forward.path) == channel.service
    assert forward.path == f"/api/v1/proctoring/attempts/{THING}/signals"


@pytest.mark.parametrize(
    "path",
    [
        "/ws",
        "/ws/exams",
        "/ws/exams/1/monitor",
        f"/ws/exams/{THING}",
        f"/ws/attempts/{THING}/monitor",
        "/ws/attempts/a%2Fb",
    ],
)
def test_there_is_no_other_socket(path: str) -> None:
    assert channel_of(path) is None
