"""When keys are made, sign and retire."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from chassis.credentials import shown
from chassis.sealing import unseal
from chassis.testing import fresh_database
from services.identity.keys import SEALED_AS, next_signs_from, retired, signing_key
from services.identity.tables import SigningKey
from services.identity.tests.builders import PASSWORD, a_school

START = datetime(2026, 11, 21, tzinfo=UTC)
LIFE = timedelta(days=30)


def key(signs_from: datetime) -> SigningKey:
    return SigningKey(kid=signs_from.isoformat(), public_jwk={}, sealed_private_jwk=b"", signs_from=signs_from)


def test_the_first_key_signs_at_once() -> None:
    assert next_signs_from([], START, LIFE) == START


@given(st.lists(st.integers(1, 60 * 24), min_size=50, max_size=400))
def test_whenever_the_housekeeper_looks_there_is_a_key_that_signs_and_was_published_ahead(minutes: list[int]) -> None:
    keys = [key(START)]
    published = {START: START}
    at = START
    for step in minutes:
        at += timedelta(minutes=step)
        keys = [one for one in keys if one not in retired(keys, at)]
        if (signs_from := next_signs_from(keys, at, LIFE)) is not None:
            keys.append(key(signs_from))
            published[signs_from] = at
            assert signs_from >= at + timedelta(hours=1)
        signing = signing_key(keys, at)
        assert signing is not None
        assert len(keys) <= 3
        verifying = {one.signs_from for one in keys}
        hour_ago = [moment for moment in published if moment <= at - timedelta(hours=1)]
        assert max(hour_ago, default=START) in verifying, "a token of an hour ago must still be checkable"


async def test_nobody_is_signed_out_while_the_secret_is_changed(postgres_url: str, kafka: str, tmp_path: Path) -> None:
    """What an operator does: start with both, with both the other way round, and with the new one alone."""
    database = await fresh_database(postgres_url, "identity")
    token, person = "", None
    for secret in ("old", "old,new", "new,old", "new"):
        async with a_school(postgres_url, kafka, tmp_path, database, service_secret=SecretStr(secret)) as school:
            if person is None:
                person = await school.person()
                token = (await school.log_in(person)).json()["access_token"]
            assert (await school.bearer(token).get("/api/v1/auth/me")).status_code == 200, secret
            fresh = (await school.log_in(person, PASSWORD)).json()["access_token"]
            assert (await school.bearer(fresh).get("/api/v1/auth/me")).status_code == 200, secret
            rows = await school.service.database.pool.fetch("SELECT sealed_private_jwk FROM signing_keys")
            assert len(rows) == 1, "the keys themselves stay"
            assert unseal(shown(secret), SEALED_AS, rows[0]["sealed_private_jwk"])


async def test_without_its_signing_keys_identity_makes_another_and_refreshing_goes_on(
    postgres_url: str, kafka: str, tmp_path: Path
) -> None:
    """What an operator does about a key that somebody else has: its tokens are refused at once, sessions stay."""
    database = await fresh_database(postgres_url, "identity")
    async with a_school(postgres_url, kafka, tmp_path, database) as school:
        person = await school.person()
        session = (await school.log_in(person)).json()
        await school.service.database.pool.execute("DELETE FROM signing_keys")
    async with a_school(postgres_url, kafka, tmp_path, database) as school:
        assert (await school.bearer(session["access_token"]).get("/api/v1/auth/me")).status_code == 401
        reply: httpx.Response = await school.http.post(
            "/api/v1/auth/refresh", json={"refresh_token": session["refresh_token"]}
        )
        assert reply.status_code == 200, reply.text
        assert (await school.bearer(reply.json()["access_token"]).get("/api/v1/auth/me")).status_code == 200
