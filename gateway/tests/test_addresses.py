"""A service at several addresses, and a name that is looked up."""

import asyncio

import pytest

from gateway.addresses import Addresses
from gateway.tests.byte_service import Service, asked
from gateway.upstream_reply import NotReached


async def test_a_service_at_several_addresses_is_found_at_the_one_that_answers() -> None:
    service = Service()
    looked_up = 0

    async def look_up(_: str) -> list[str]:
        nonlocal looked_up
        looked_up += 1
        return ["127.0.0.2", "127.0.0.1", "127.0.0.3"]

    async with asked(service, host="replicas", look_up=look_up) as upstream:
        replies = await asyncio.gather(*[upstream.request("GET", b"/", []) for _ in range(6)])
    assert [reply.body for reply in replies] == [b"ok"] * 6
    assert looked_up == 1
    assert service.heads[0].startswith(b"GET / HTTP/1.1\r\nhost: replicas:")


async def test_another_address_comes_first_each_time() -> None:
    async def look_up(_: str) -> list[str]:
        return ["a", "b", "c"]

    addresses = Addresses("replicas", look_up)
    assert [(await addresses.in_turn())[0] for _ in range(6)] == ["b", "c", "a"] * 2


async def test_a_name_is_looked_up_anew_when_nobody_answers_at_its_addresses() -> None:
    service = Service()
    addresses = [["127.0.0.2"], [], ["127.0.0.1"]]

    async def look_up(_: str) -> list[str]:
        return addresses.pop(0)

    async with asked(service, host="moving", look_up=look_up) as upstream:
        for _ in range(2):
            with pytest.raises(NotReached):
                await upstream.request("GET", b"/", [])
        assert (await upstream.request("GET", b"/", [])).body == b"ok"


async def test_a_name_that_is_not_found_in_time_is_a_service_that_was_not_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.upstream._CONNECT_SECONDS", 0.05)
    answer: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()

    async def look_up(_: str) -> list[str]:
        return await answer

    service = Service()
    async with asked(service, host="slow", connections=1, look_up=look_up) as upstream:
        for _ in range(2):
            with pytest.raises(NotReached):
                await upstream.request("GET", b"/", [])
        answer.set_result(["127.0.0.1"])
        assert (await upstream.request("GET", b"/", [])).body == b"ok"
