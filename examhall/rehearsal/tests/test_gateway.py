"""The patient client against a real HTTP server that fails in every way there is."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from examhall.rehearsal.gateway import Gateway, Measured, Refusal, Unreachable, percentile
from examhall.rehearsal.tests.hall import ADMIN, SECONDS_A_TRY, Hall, a_gateway, a_hall, cut_off, problem

CLASS = {"name": "Rivers", "section": "", "academic_year": "2026"}


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    async with a_hall() as running:
        yield running


@pytest.fixture
async def gateway(hall: Hall) -> AsyncIterator[Gateway]:
    async with a_gateway(hall) as opened:
        yield opened


async def make_class(gateway: Gateway) -> int:
    """The status of the reply."""
    body = {"login": ADMIN[0], "password": ADMIN[1]}
    token = (await gateway.done("log in", "POST", "/auth/login", body=body))["access_token"]
    return (await gateway.call("make", "POST", "/classes", token=token, body=CLASS)).status


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_what_passes_is_waited_for(hall: Hall, gateway: Gateway, status: int):
    hall.fails_once("POST", "/classes", lambda: problem(status, "later"))
    assert await make_class(gateway) == 201
    assert gateway.steps["make"].outcomes == {str(status): 1, "201": 1}


async def test_a_broken_connection_is_tried_again(hall: Hall, gateway: Gateway):
    hall.fails_once("POST", "/classes", cut_off)
    assert await make_class(gateway) == 201
    assert gateway.steps["make"].outcomes == {"ServerDisconnectedError": 1, "201": 1}
    assert gateway.steps["make"].errors == 1


async def test_a_server_that_does_not_answer_is_tried_again(hall: Hall, gateway: Gateway):
    async def hang(request: web.Request) -> None:
        if request.path.endswith("/classes"):
            hall.faults.remove(hang)
            await asyncio.sleep(SECONDS_A_TRY * 2)

    hall.faults.append(hang)
    assert await make_class(gateway) == 201
    assert gateway.steps["make"].outcomes == {"TimeoutError": 1, "201": 1}


async def test_what_is_not_json_is_no_reply(hall: Hall, gateway: Gateway):
    hall.fails_once("POST", "/classes", lambda: web.Response(text="<html>Please wait", status=200))
    assert await make_class(gateway) == 201
    assert gateway.steps["make"].outcomes == {"JSONDecodeError": 1, "201": 1}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 422, 500])
async def test_a_refusal_is_believed_at_once(hall: Hall, gateway: Gateway, status: int):
    hall.fails_once("POST", "/classes", lambda: problem(status, "conflict"))
    assert await make_class(gateway) == status
    assert gateway.steps["make"].outcomes == {str(status): 1}


async def test_what_is_created_keeps_its_key_through_all_tries(hall: Hall, gateway: Gateway):
    hall.fails_once("POST", "/classes", cut_off, before=False)
    assert await make_class(gateway) == 201
    first, second = hall.keys
    assert first == second
    await make_class(gateway)
    assert hall.keys[-1] != first


async def test_a_try_that_is_still_being_worked_on_is_asked_for_again(hall: Hall, gateway: Gateway):
    hall.fails_once("POST", "/classes", cut_off)
    hall.fails_once("POST", "/classes", lambda: problem(409, "conflict"))
    assert await make_class(gateway) == 201


async def test_the_server_says_how_long_to_wait(hall: Hall, gateway: Gateway):
    hall.fails_once("POST", "/classes", lambda: problem(429, "too-many-requests", **{"Retry-After": "1"}))
    began = time.monotonic()
    assert await make_class(gateway) == 201
    assert time.monotonic() - began >= 1


async def test_patience_ends_and_says_what_came_last(hall: Hall, gateway: Gateway):
    async def away(request: web.Request) -> web.Response | None:
        return problem(503, "dependency-unavailable") if request.path.endswith("/classes") else None

    hall.faults.append(away)
    with pytest.raises(Unreachable, match="make: 503 for 2 s"):
        await make_class(gateway)
    assert gateway.steps["make"].errors > 2


async def test_a_gateway_that_is_not_there_is_waited_for_as_well():
    async with Gateway("http://127.0.0.1:1/", patience=0.5) as gateway:
        with pytest.raises(Unreachable, match="ClientConnectorError"):
            await gateway.call("log in", "POST", "/auth/login")
    assert gateway.steps["log in"].errors > 1


async def test_a_refusal_where_only_success_makes_sense_is_told_with_its_reason(gateway: Gateway):
    with pytest.raises(Refusal, match=r"log in: 401 unauthenticated: The log-in or the password is wrong\.") as told:
        await gateway.done("log in", "POST", "/auth/login", body={"login": "ana", "password": "guess"})
    assert told.value.reply.status == 401


def test_errors_are_what_had_no_proper_reply():
    measured = Measured()
    for outcome in ("200", "409", "422", "429", "500", "503", "TimeoutError"):
        measured.add(0.1, outcome)
    assert (len(measured.seconds), measured.errors) == (7, 3)


@given(st.lists(st.floats(0, 100), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(values: list[float], percent: int):
    found = percentile(sorted(values), percent / 100)
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)


async def test_a_body_that_tells_when_it_is_sent_is_made_anew_for_each_try(hall: Hall, gateway: Gateway):
    sent = []
    hall.fails_once("POST", "/auth/login", lambda: problem(503, "dependency-unavailable"))

    def body() -> dict[str, str]:
        sent.append(len(sent))
        return {"login": ADMIN[0], "password": ADMIN[1]}

    assert (await gateway.call("log in", "POST", "/auth/login", body=body)).is_success
    assert sent == [0, 1]
