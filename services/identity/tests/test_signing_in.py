"""Signing in, staying in, getting out, and being kept out."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from chassis.ids import new_id
from chassis.security import AUDIENCE, ISSUER, TOKEN_TYPE
from chassis.testing import eventually, running
from chassis.tests import sample
from chassis.tests.conftest import sample_database
from proto.examhall.identity.v1.identity_pb2 import SecurityAck
from services.identity.app import build
from services.identity.app_state import parts_of
from services.identity.passwords import PASSWORD_CHECKS
from services.identity.tests.builders import PASSWORD, School, a_school

LOGIN, REFRESH, LOGOUT, ME = "/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/logout", "/api/v1/auth/me"


async def test_a_student_signs_in_by_mail_or_registration_number_in_any_case(school: School) -> None:
    student = await school.person(email="ada@example.org", registration_number="STU2026-001")
    for login in ("ada@example.org", "ADA@example.org", "stu2026-001"):
        reply = await school.http.post(LOGIN, json={"login": login, "password": PASSWORD})
        assert reply.status_code == 200
        tokens = reply.json()
        assert tokens["user"]["id"] == str(student.id)
        me = await school.bearer(tokens["access_token"]).get(ME)
        assert me.json()["name"] == student.name


async def test_unknown_and_wrong_get_the_same_reply_for_the_same_work(school: School) -> None:
    student = await school.person()
    unclaimed = await school.person(email=None, registration_number="NOTYET-1", password_hash=None)
    replies, costs = [], []
    for login in (student.email, "nobody@example.org", unclaimed.registration_number):
        before = PASSWORD_CHECKS._value.get()
        reply = await school.http.post(LOGIN, json={"login": login, "password": "not the password"})
        costs.append(PASSWORD_CHECKS._value.get() - before)
        replies.append((reply.status_code, reply.json()["type"], reply.json()["detail"]))
    assert costs == [1, 1, 1]
    assert len(set(replies)) == 1
    assert replies[0][0] == 401


async def test_five_failures_lock_the_account_and_even_the_right_password_waits(school: School) -> None:
    student, other = await school.person(), await school.person()
    for _ in range(5):
        assert (await school.log_in(student, "wrong password")).status_code == 401
    locked = await school.log_in(student)
    assert locked.status_code == 429
    assert int(locked.headers["Retry-After"]) > 0
    assert (await school.log_in(other)).status_code == 200


async def test_an_unknown_login_locks_like_a_known_one(school: School) -> None:
    statuses = [
        (await school.http.post(LOGIN, json={"login": "nobody@example.org", "password": "x"})).status_code
        for _ in range(6)
    ]
    assert statuses == [401] * 5 + [429]


async def test_a_hundred_parallel_guesses_get_five_looks_at_the_password(school: School) -> None:
    student = await school.person()
    before = PASSWORD_CHECKS._value.get()
    replies = await asyncio.gather(*(school.log_in(student, f"guess number {n}") for n in range(30)))
    assert sorted(reply.status_code for reply in replies) == [401] * 5 + [429] * 25
    assert PASSWORD_CHECKS._value.get() - before == 5


async def test_staff_lifts_a_lock_and_sees_the_attempts(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    student = await school.person()
    for _ in range(6):
        await school.log_in(student, "wrong password")
    listed = (await admin.get("/api/v1/login-attempts", params={"user_id": str(student.id)})).json()
    assert [one["outcome"] for one in listed["items"]] == ["refused"] + ["failed"] * 5
    assert (await admin.post(f"/api/v1/users/{student.id}/unlock")).status_code == 200
    assert (await school.log_in(student)).status_code == 200


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_whole_session(school: School) -> None:
    first = (await school.log_in(await school.person())).json()
    second = (await school.http.post(REFRESH, json={"refresh_token": first["refresh_token"]})).json()
    assert (await school.bearer(second["access_token"]).get(ME)).status_code == 200
    assert (await school.http.post(REFRESH, json={"refresh_token": first["refresh_token"]})).status_code == 401
    assert (await school.http.post(REFRESH, json={"refresh_token": second["refresh_token"]})).status_code == 401
    assert (await school.bearer(second["access_token"]).get(ME)).status_code == 401


async def test_of_parallel_refreshes_at_most_one_wins(school: School) -> None:
    tokens = (await school.log_in(await school.person())).json()
    replies = await asyncio.gather(
        *(school.http.post(REFRESH, json={"refresh_token": tokens["refresh_token"]}) for _ in range(8))
    )
    assert sorted(reply.status_code for reply in replies) == [200] + [401] * 7


async def test_log_out_kills_the_access_token_here_and_in_other_services_before_it_answers(
    school: School, postgres_url: str, kafka: str
) -> None:
    tokens = (await school.log_in(await school.person())).json()
    peers = {"identity": school.service.grpc_address}
    async with (
        sample_database(postgres_url) as url,
        running(sample.build, postgres_url, kafka, peers=peers, database_url=url) as other,
    ):
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}

        async def there() -> int:
            body = {"name": new_id().hex[:8]}
            return (await other.http.post("/api/v1/things", json=body, headers=headers)).status_code

        await eventually(other.runtime.security.is_ready.is_set)
        assert await there() == 201
        assert (await school.bearer(tokens["access_token"]).post(LOGOUT)).status_code == 200
        assert await there() == 401
        assert (await school.bearer(tokens["access_token"]).get(ME)).status_code == 401
        assert (await school.http.post(REFRESH, json={"refresh_token": tokens["refresh_token"]})).status_code == 401


async def test_a_log_out_at_one_replica_is_known_at_the_other(school: School, kafka: str, tmp_path: Path) -> None:
    person = await school.person()
    url = school.service.database.url
    async with running(build, url, kafka, settings={"data": tmp_path}, database_url=url) as second:
        tokens = (await school.log_in(person)).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        parts = second.runtime.state["identity"]
        await eventually(parts.ended_sessions.is_listening.is_set)
        assert (await second.http.get(ME, headers=headers)).status_code == 200
        assert (await school.bearer(tokens["access_token"]).post(LOGOUT)).status_code == 200
        assert (await second.http.get(ME, headers=headers)).status_code == 401


async def test_a_snapshot_does_not_pass_for_what_is_pushed_while_it_is_read(school: School) -> None:
    ended = parts_of(school.service.runtime).ended_sessions
    await eventually(ended.is_listening.is_set)

    async def acknowledges_nothing() -> AsyncIterator[SecurityAck]:
        await asyncio.Event().wait()
        yield SecurityAck()

    holder = await asyncpg.connect(school.service.database.url)
    try:
        holding = holder.transaction()
        await holding.start()
        await holder.execute("LOCK TABLE signing_keys")
        states = ended.watch(acknowledges_nothing())
        reading = asyncio.ensure_future(anext(states))

        async def waits() -> bool:
            waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            return bool(await holder.fetchval(waiting))

        await eventually(waits)
        session = new_id()
        await ended.announce([session])
        await holding.rollback()
        snapshot, pushed = await reading, await anext(states)
    finally:
        await holder.close()
    assert list(pushed.ended_session_ids) == [str(session)]
    assert snapshot.sequence < pushed.sequence


async def test_ended_sessions_and_keys_survive_a_restart(postgres_url: str, kafka: str, tmp_path: Path) -> None:
    async with a_school(postgres_url, kafka, tmp_path) as school:
        person = await school.person()
        kept, ended = (await school.log_in(person)).json(), (await school.log_in(person)).json()
        await school.bearer(ended["access_token"]).post(LOGOUT)
        url = school.service.database.url
    async with running(build, url, kafka, settings={"data": tmp_path}, database_url=url) as again:
        for tokens, status in ((kept, 200), (ended, 401)):
            reply = await again.http.get(ME, headers={"Authorization": f"Bearer {tokens['access_token']}"})
            assert reply.status_code == status


async def test_sessions_are_listed_and_ended_one_by_one_or_all(school: School) -> None:
    person = await school.person()
    clients = [school.bearer((await school.log_in(person)).json()["access_token"]) for _ in range(3)]
    listed = (await clients[0].get("/api/v1/auth/sessions")).json()
    assert [one["is_current"] for one in listed].count(True) == 1
    other = next(one["id"] for one in listed if not one["is_current"])
    assert (await clients[0].delete(f"/api/v1/auth/sessions/{other}")).status_code == 200
    assert (await clients[0].delete(f"/api/v1/auth/sessions/{other}")).status_code == 404
    assert len((await clients[0].get("/api/v1/auth/sessions")).json()) == 2
    assert (await clients[0].delete("/api/v1/auth/sessions")).status_code == 200
    assert [(await client.get(ME)).status_code for client in clients] == [401] * 3


async def test_an_administrator_signs_somebody_out(school: School) -> None:
    student = await school.person()
    client = await school.as_(student)
    admin = await school.as_(await school.person("admin"))
    assert (await admin.post(f"/api/v1/users/{student.id}/force-logout")).status_code == 200
    assert (await client.get(ME)).status_code == 401


async def test_a_changed_role_or_a_deactivation_ends_the_tokens_that_say_otherwise(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    for change in ({"role": "proctor"}, {"is_active": False}):
        person = await school.person("instructor")
        client = await school.as_(person)
        assert (await admin.patch(f"/api/v1/users/{person.id}", json=change)).status_code == 200
        assert (await client.get(ME)).status_code == 401
    assert (await school.log_in(person)).status_code == 401


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_forged_tokens_are_refused(school: School) -> None:
    person = await school.person("admin")
    tokens = (await school.log_in(person)).json()
    public = (await school.http.get("/.well-known/jwks.json")).json()["keys"][0]
    header, payload, signature = tokens["access_token"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    thief = ECKey.generate_key("P-256", {"kid": public["kid"]})
    good = {"alg": "ES256", "kid": public["kid"], "typ": TOKEN_TYPE}

    def stolen(head: dict[str, Any], body: dict[str, Any]) -> str:
        return jwt.encode(head, body, thief, algorithms=["ES256"])

    key_text = json.dumps({name: public[name] for name in ("crv", "kty", "x", "y")})
    secret = OctKey.import_key(key_text.encode())
    forged = {
        "alg none": f"{_part({'alg': 'none', 'typ': TOKEN_TYPE, 'kid': public['kid']})}.{payload}.",
        "alg none kept signature": f"{_part({'alg': 'none', 'typ': TOKEN_TYPE})}.{payload}.{signature}",
        "public key as HMAC secret": jwt.encode({**good, "alg": "HS256"}, claims, secret, algorithms=["HS256"]),
        "another's key under our kid": stolen(good, claims),
        "own key in the header": stolen({**good, "jwk": thief.as_dict(private=False)}, claims),
        "kid that is a path": stolen({**good, "kid": "../../dev/null"}, claims),
        "kid that is SQL": stolen({**good, "kid": "x' OR '1'='1"}, claims),
        "no kid": stolen({"alg": "ES256", "typ": TOKEN_TYPE}, claims),
        "payload changed": f"{header}.{_part({**claims, 'role': 'admin', 'sub': str(new_id())})}.{signature}",
        "refresh token as access token": tokens["refresh_token"],
        "nothing": "..",
    }
    for name, token in forged.items():
        assert (await school.bearer(token).get(ME)).status_code == 401, name


async def test_our_own_signature_is_not_enough(school: School) -> None:
    """A token with our signature is refused when it is of another kind, for somebody else, or over."""
    person = await school.person()
    signer = school.service.runtime.state["identity"].signer
    _, kid, key = signer._keys[-1]
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": str(person.id), "role": "student", "sid": str(new_id()),
        "jti": str(new_id()), "iat": now, "exp": now + 60,
    }  # fmt: skip
    header = {"alg": "ES256", "kid": kid, "typ": TOKEN_TYPE}

    async def status(head: dict[str, Any], body: dict[str, Any]) -> int:
        token = jwt.encode(head, body, key, algorithms=["ES256"])
        return (await school.bearer(token).get(ME)).status_code

    assert await status(header, claims) == 200
    assert await status({**header, "typ": "JWT"}, claims) == 401
    assert await status(header, {**claims, "aud": "elsewhere"}) == 401
    assert await status(header, {**claims, "iss": "elsewhere"}) == 401
    assert await status(header, {**claims, "exp": now - 1}) == 401
    for missing in ("exp", "iss", "aud", "sub", "sid", "role"):
        assert await status(header, {name: value for name, value in claims.items() if name != missing}) == 401


@pytest.mark.parametrize("path", [REFRESH, LOGIN, "/api/v1/auth/reset-password"])
async def test_unknown_fields_are_refused_by_name(school: School, path: str) -> None:
    reply: httpx.Response = await school.http.post(path, json={"role": "admin"})
    assert reply.status_code == 422
    assert "role" in {error["field"] for error in reply.json()["errors"]}
