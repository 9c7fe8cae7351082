"""Long lists as JSON, while others have their turns."""

import asyncio
from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.long_lists import with_rows


@given(st.lists(st.integers(), max_size=40), st.integers(1, 9))
async def test_an_object_gets_its_list_whole_and_in_order_and_others_have_turns_between(
    rows: list[int], at_once: int
) -> None:
    turns, made = 0, Counter[int]()

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def shown(row: int) -> dict[str, int]:
        made[turns] += 1
        return {"value": row}

    other = asyncio.create_task(take_turns())
    reply = await with_rows(b'{"title":"}"}', "rows", rows, shown, at_once)
    other.cancel()
    assert msgspec.json.decode(reply) == {"title": "}", "rows": [{"value": row} for row in rows]}
    assert max(made.values(), default=0) <= at_once
