"""The secret between services: who shows which, who is let in, and that nobody is shut out while it is changed."""

from collections.abc import AsyncIterator
from itertools import pairwise

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from chassis.credentials import accepted, admits, shown
from chassis.http import CREDENTIAL_HEADER
from chassis.rpc import open_channel
from chassis.testing import RunningService, running
from chassis.tests import sample
from proto.examhall.chassis.v1.hot_pb2 import HotBatch
from proto.examhall.chassis.v1.hot_pb2_grpc import HotRoutesStub

a_secret = st.text(min_size=1).filter(lambda text: text == text.strip() and "," not in text)


@given(a_secret, a_secret)
def test_while_processes_are_started_again_one_by_one_every_two_of_them_know_each_other(old: str, new: str) -> None:
    steps = [old, f"{old},{new}", f"{new}, {old}", new]
    for before, after in pairwise(steps):
        for one, other in ((before, after), (after, before), (before, before), (after, after)):
            assert admits(one, shown(other))
    if old != new:
        assert not admits(new, shown(old)), "the old one opens nothing any more"
        assert not admits(old, shown(new))


@pytest.mark.parametrize("secret", ["", ",", " , "])
def test_no_secret_lets_nobody_in(secret: str) -> None:
    assert accepted(secret) == []
    assert not admits(secret, "")
    assert not admits(secret, shown(secret))


@pytest.fixture
async def service(postgres_url: str, kafka: str, database_url: str) -> AsyncIterator[RunningService]:
    settings = {"service_secret": SecretStr("new,old")}
    async with running(sample.build, postgres_url, kafka, database_url=database_url, settings=settings) as started:
        yield started


@pytest.mark.parametrize("told", ["old", "old,new", "new,old", "new"])
async def test_a_service_in_the_middle_of_the_change_answers_everybody_of_the_installation(
    service: RunningService, told: str
) -> None:
    async with open_channel(service.grpc_address, told) as channel:
        await HotRoutesStub(channel).Handle(HotBatch())


@pytest.mark.parametrize("told", ["", "older", "new,old".replace(",", ""), "n"])
async def test_a_service_in_the_middle_of_the_change_answers_nobody_else(service: RunningService, told: str) -> None:
    async with open_channel(service.grpc_address, told) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await HotRoutesStub(channel).Handle(HotBatch())
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(("credential", "is_believed"), [("old", True), ("new", True), ("new,old", False), ("", False)])
async def test_the_gateways_word_for_an_address_is_believed_by_either_secret(
    service: RunningService, credential: str, is_believed: bool
) -> None:
    headers = {CREDENTIAL_HEADER: credential, "X-Forwarded-For": "203.0.113.7"}
    reply = await service.as_("instructor").post("/api/v1/things", json={"name": "lamp"}, headers=headers)
    assert reply.status_code == 201
    [(_, entry)] = await service.recorded("audit.entries.v1")
    assert (entry.client_address == "203.0.113.7") is is_believed
