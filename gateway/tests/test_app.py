import asyncio
import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chassis.ids import new_id
from chassis.settings import UnknownSetting
from chassis.testing import logging_as_in_production, security_state
from gateway.app import run
from gateway.routes import SERVICES
from gateway.tests.running import RunningGateway, running_gateway


async def status(gateway: RunningGateway, path: str = "/api/v1/exams", **headers: str) -> int:
    return (await gateway.http.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})).status_code


async def test_an_unknown_path_is_a_problem() -> None:
    async with running_gateway() as gateway:
        reply = await gateway.http.get("/api/v1/nothing")
        assert reply.headers["content-type"] == "application/problem+json"
        assert (reply.status_code, reply.json()["title"]) == (404, "Not found")
        assert reply.json()["trace_id"] == reply.headers["x-request-id"]
        assert "server" not in reply.headers


async def test_a_bad_token_is_refused_here_and_no_token_is_the_services_decision() -> None:
    async with running_gateway() as gateway:
        assert await status(gateway, Authorization="Bearer bad") == 401
        assert gateway.upstream.requests == []
        assert await status(gateway) == 200
        assert await status(gateway, **gateway.signed_in()) == 200


async def test_a_token_of_an_ended_session_is_refused() -> None:
    async with running_gateway() as gateway:
        session = new_id()
        headers = gateway.signed_in(session_id=session)
        assert await status(gateway, **headers) == 200
        gateway.app.security.apply(security_state(session))
        assert await status(gateway, **headers) == 401


async def test_signing_in_again_is_possible_with_an_expired_token() -> None:
    async with running_gateway() as gateway:
        assert await status(gateway, "/api/v1/auth/refresh", **gateway.signed_in(seconds=-5)) == 200


async def test_before_identity_gave_its_keys_a_token_is_not_called_bad() -> None:
    async with running_gateway(has_keys=False) as gateway:
        assert await status(gateway, **gateway.signed_in()) == 503
        assert await status(gateway) == 200


async def test_each_person_has_limits_of_their_own() -> None:
    async with running_gateway(limit_person_per_second=0.01, limit_person_burst=1) as gateway:
        one, other = gateway.signed_in(), gateway.signed_in()
        assert [await status(gateway, **who) for who in (one, one, other)] == [200, 429, 200]


async def test_two_tokens_of_one_person_share_a_limit() -> None:
    async with running_gateway(limit_person_per_second=0.01, limit_person_burst=1) as gateway:
        person = new_id()
        tokens = [gateway.signed_in(person_id=person) for _ in range(2)]
        assert [await status(gateway, **token) for token in tokens] == [200, 429]


async def test_anonymous_requests_and_bad_tokens_are_limited_by_address() -> None:
    async with running_gateway(limit_address_per_second=0.01, limit_address_burst=2) as gateway:
        assert [await status(gateway, Authorization="Bearer bad") for _ in range(3)] == [401, 401, 429]
        assert await status(gateway) == 429
        assert await status(gateway, **gateway.signed_in()) == 200


async def test_signing_in_has_limits_of_its_own() -> None:
    async with running_gateway(limit_auth_per_second=0.01, limit_auth_burst=1) as gateway:
        assert [await status(gateway, "/api/v1/auth/login") for _ in range(2)] == [200, 429]
        assert await status(gateway, "/api/v1/%61uth/login") == 429
        assert await status(gateway) == 200


async def test_replicas_share_limits_through_redis(redis_url: str) -> None:
    limits = {"limit_person_per_second": 0.01, "limit_person_burst": 60, "limit_share_milliseconds": 50}
    async with (
        running_gateway(redis_url=redis_url, **limits) as here,
        running_gateway(redis_url=redis_url, **limits) as there,
    ):
        headers = here.signed_in()
        statuses: list[int] = []
        while 429 not in statuses and len(statuses) < 120:
            statuses += await asyncio.gather(
                *[status(replica, **headers) for replica in (here, there) for _ in range(3)]
            )
            await asyncio.sleep(0.06)
        assert statuses.count(200) < 90


async def test_a_page_of_an_allowed_origin_may_call() -> None:
    async with running_gateway(cors_origins="https://front.example, https://other.example") as gateway:
        asked = await gateway.http.options(
            "/api/v1/exams",
            headers={"Origin": "https://front.example", "Access-Control-Request-Method": "PUT"},
        )
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "https://front.example")
        assert "PUT" in asked.headers["access-control-allow-methods"]
        assert "If-Match" in asked.headers["access-control-allow-headers"]
        for method, path in (("GET", "/api/v1/exams"), ("PUT", "/api/v1/attempts/a/answers"), ("GET", "/none")):
            reply = await gateway.http.request(
                method, path, headers={"Origin": "https://front.example", **gateway.signed_in()}
            )
            assert reply.headers.get_list("access-control-allow-origin") == ["https://front.example"]
            assert reply.headers["vary"] == "Origin"
            assert "RateLimit" in reply.headers["access-control-expose-headers"]
        assert [request.method for request in gateway.upstream.requests] == ["GET"]


async def test_a_page_of_another_origin_may_not() -> None:
    async with running_gateway(cors_origins="https://front.example") as gateway:
        asked = await gateway.http.options(
            "/api/v1/exams", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT"}
        )
        reply = await gateway.http.get("/api/v1/exams", headers={"Origin": "https://evil.example"})
        for each in (asked, reply):
            assert not [name for name in each.headers if name.startswith("access-control")]
            assert each.headers["vary"] == "Origin"


async def test_every_origin_may_be_allowed() -> None:
    async with running_gateway(cors_origins="*") as gateway:
        reply = await gateway.http.get("/api/v1/exams", headers={"Origin": "https://any.example"})
        assert reply.headers["access-control-allow-origin"] == "*"


async def test_health_says_which_services_answer() -> None:
    async with running_gateway() as gateway:
        assert (await gateway.http.get("/health/live")).json() == {"status": "alive"}
        reply = await gateway.http.get("/health/ready")
        parts = {**dict.fromkeys(("tokens", *SERVICES), "ok"), "live": "no broker is configured"}
        assert (reply.status_code, reply.json()) == (200, {"status": "ready", "parts": parts})


async def test_a_service_that_is_away_is_told_and_the_gateway_goes_on() -> None:
    async with running_gateway() as gateway:
        await gateway.upstream.stop()
        reply = await gateway.http.get("/health/ready")
        assert (reply.status_code, reply.json()["parts"]["exams"]) == (200, "does not answer")


async def test_without_keys_the_gateway_is_not_ready() -> None:
    async with running_gateway(has_keys=False) as gateway:
        reply = await gateway.http.get("/health/ready")
        assert (reply.status_code, reply.json()["status"]) == (503, "not ready")


async def test_requests_are_counted_by_prefix_and_never_by_path() -> None:
    async with running_gateway() as gateway:

        async def counts() -> dict[tuple[str, str, str], float]:
            families = text_string_to_metric_families((await gateway.http.get("/metrics")).text)
            return {
                (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
                for family in families
                for sample in family.samples
                if sample.name == "examhall_http_request_seconds_count"
            }

        before = await counts()
        await gateway.http.get("/api/v1/exams/7")
        await gateway.http.put("/api/v1/attempts/a/answers", content=b"x", headers=gateway.signed_in())
        await gateway.http.get("/nobody/knows")
        after = await counts()
        for key in (("GET", "/api/v1/exams", "200"), ("PUT", "hot", "200"), ("GET", "unknown", "404")):
            assert after[key] == before.get(key, 0) + 1
        assert not [route for _, route, _ in after if "7" in route or "nobody" in route]


async def test_metrics_are_for_operators_only() -> None:
    async with running_gateway(metrics_networks="10.0.0.0/8") as gateway:
        assert await status(gateway, "/metrics") == 404


async def test_the_openapi_document_is_served_when_there_is_one(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text('{"openapi": "3.1.0"}')
    async with running_gateway(openapi_file=document) as gateway:
        assert (await gateway.http.get("/api/v1/openapi.json")).json() == {"openapi": "3.1.0"}
    async with running_gateway(openapi_file=tmp_path / "none.json") as gateway:
        assert await status(gateway, "/api/v1/openapi.json") == 404


async def test_the_docs_page_needs_nothing_from_elsewhere() -> None:
    async with running_gateway() as gateway:
        page = await gateway.http.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert re.findall(r'(?:src|href)="([^"]+)"', page.text) == ["/api/v1/openapi.json"]
        (policy,) = page.headers.get_list("content-security-policy")
        assert "unsafe" not in policy
        assert re.search(r"script-src 'sha256-[^ ]+'; style-src 'sha256-[^ ]+'", policy)


async def test_what_is_only_read_can_not_be_changed() -> None:
    async with running_gateway() as gateway:
        reply = await gateway.http.post("/health/live")
        assert (reply.status_code, reply.headers["allow"]) == (405, "GET, HEAD")


async def test_a_failure_is_logged_with_its_trace_and_without_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as_in_production("gateway"):
        async with running_gateway(upstream_hold_seconds=0) as gateway:
            await gateway.upstream.stop()
            reply = await gateway.http.get("/api/v1/exams/secret")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"request"' in line]
    (line,) = lines
    assert (line["status"], line["route"], line["trace_id"]) == (503, "/api/v1/exams", reply.headers["x-request-id"])
    assert "secret" not in str(lines)


def test_a_setting_nobody_knows_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMHALL_LIMIT_PRESON_BURST", "1")
    with pytest.raises(UnknownSetting, match="PRESON"):
        run()


def test_without_the_installations_secret_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXAMHALL_SERVICE_SECRET", raising=False)
    with pytest.raises(SystemExit, match="EXAMHALL_SERVICE_SECRET"):
        run()
