"""When keys are made, sign and retire."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from services.identity.keys import next_signs_from, retired, seal, signing_key, unseal
from services.identity.tables import SigningKey

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


def test_a_sealed_key_opens_with_the_same_secret_only() -> None:
    sealed = seal("secret", "text")
    assert unseal("secret", sealed) == "text"
    assert b"text" not in sealed
    with pytest.raises(InvalidTag):
        unseal("other", sealed)
