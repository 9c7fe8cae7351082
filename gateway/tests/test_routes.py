import pytest

from gateway.routes import is_hot, route_of


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
    ("method", "path", "hot"),
    [
        ("PUT", "/api/v1/attempts/a/answers/q", True),
        ("PUT", "/api/v1/attempts/a/answers", True),
        ("POST", "/api/v1/attempts/a/heartbeat", True),
        ("GET", "/api/v1/attempts/a/answers", False),
        ("POST", "/api/v1/attempts/a/answers", False),
        ("PUT", "/api/v1/attempts/a/heartbeat", False),
        ("PUT", "/api/v1/attempts/a/answers/q/x", False),
        ("PUT", "/api/v1/attempts//answers", False),
        ("POST", "/api/v1/attempts/a/submit", False),
    ],
)
def test_saves_and_heartbeats_alone_go_in_batches(method: str, path: str, hot: bool) -> None:
    assert is_hot(method, path) is hot
