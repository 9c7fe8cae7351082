"""Waiting for a numbered event."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from examhall.rehearsal.cursor import Cursor

LONG = 60.0


@given(st.lists(st.integers(1, 9), min_size=1))
async def test_a_number_is_reached_when_it_or_a_higher_one_was_heard(numbers: list[int]):
    cursor = Cursor()
    waits = {number: asyncio.create_task(cursor.reach(number, LONG)) for number in set(numbers)}
    beyond = asyncio.create_task(cursor.reach(10, LONG))
    for place, number in enumerate(numbers, start=1):
        cursor.heard(number)
        await asyncio.wait([task for wanted, task in waits.items() if wanted <= max(numbers[:place])])
        assert cursor.number == max(numbers[:place])
        assert not any(task.done() for wanted, task in waits.items() if wanted > cursor.number)
    assert not beyond.done()
    beyond.cancel()


async def test_what_is_not_heard_in_time_is_given_up_quietly():
    cursor = Cursor()
    cursor.heard(3)
    await cursor.reach(4, within_seconds=0.01)
    assert cursor.number == 3
