"""What a process makes of a token."""

import time

import pytest

from chassis.errors import DependencyUnavailable, Unauthenticated
from chassis.ids import new_id
from chassis.security import Security
from chassis.testing import security_state, token_for


def test_before_the_keys_are_known_no_token_is_called_wrong() -> None:
    with pytest.raises(DependencyUnavailable):
        Security().check("a.token.of-somebody")


def test_a_snapshot_that_was_made_before_a_session_ended_does_not_bring_it_back() -> None:
    security, session = Security(), new_id()
    token = token_for("student", session_id=session)
    snapshot = security_state()
    security.apply(security_state(session))
    security.apply(snapshot)
    with pytest.raises(Unauthenticated, match="has ended"):
        security.check(token)


def test_a_token_of_a_machine_whose_clock_is_ahead_is_valid_at_once() -> None:
    security = Security(clock=lambda: time.time() - 5)
    security.apply(security_state())
    assert security.check(token_for("student")).role == "student"


def test_a_token_ends_to_the_second_however_far_clocks_may_differ() -> None:
    at = time.time()
    security = Security(clock=lambda: at)
    security.apply(security_state())
    token = token_for("student", seconds=30)
    assert security.check(token).role == "student"
    at += 31
    with pytest.raises(Unauthenticated, match="expired"):
        security.check(token)
    fresh = Security(clock=lambda: at)
    fresh.apply(security_state())
    with pytest.raises(Unauthenticated, match="expired"):
        fresh.check(token)
