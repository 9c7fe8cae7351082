"""Answer keys are asked for once and kept."""

import asyncio

import grpc
import pytest

from services.grading.answer_keys import AnswerKeys
from services.grading.tests.builders import AnExam, Office


async def test_all_who_wait_for_a_key_share_one_question_and_the_next_process_needs_none(office: Office) -> None:
    exam = await office.knows(AnExam())
    keys = AnswerKeys(office.service.runtime)
    found = await asyncio.gather(*(keys.get(exam.exam_id, 1) for _ in range(10)))
    assert {id(key) for key in found} == {id(found[0])}
    assert found[0].message == exam.key()
    office.peers.are_away = True
    again = await AnswerKeys(office.service.runtime).get(exam.exam_id, 1)
    assert again.questions == found[0].questions
    assert office.peers.asked == ["GetAnswerKey"]


async def test_a_key_that_could_not_be_had_is_asked_for_again(office: Office) -> None:
    exam = await office.knows(AnExam())
    keys = AnswerKeys(office.service.runtime)
    office.peers.are_away = True
    with pytest.raises(grpc.aio.AioRpcError):
        await keys.get(exam.exam_id, 1)
    office.peers.are_away = False
    assert (await keys.get(exam.exam_id, 1)).message == exam.key()


async def test_only_so_many_keys_stay_in_memory(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.grading.answer_keys._MOST_IN_MEMORY", 2)
    exam = await office.knows(AnExam())
    keys = AnswerKeys(office.service.runtime)
    first, *_ = [await keys.get(exam.exam_id, version) for version in (1, 2, 3)]
    assert await keys.get(exam.exam_id, 3) is await keys.get(exam.exam_id, 3)
    assert await keys.get(exam.exam_id, 1) is not first
