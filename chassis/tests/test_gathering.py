"""What waits together is done together, and a group is never cut."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.gathering import Gathering


class Work:
    """Doubles numbers and keeps the batches it was given; each begins when `gate` is open."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.gate.wait()
        return [2 * number for number in numbers]


@given(st.lists(st.integers(min_value=0, max_value=7), max_size=20), st.integers(min_value=1, max_value=5))
def test_each_gets_its_result_and_no_group_lies_in_two_batches(group_sizes: list[int], size: int) -> None:
    numbers = iter(range(1000))
    groups = [[next(numbers) for _ in range(length)] for length in group_sizes]

    async def gather() -> list[list[int]]:
        work = Work()
        gathering = Gathering(work, lanes=2, size=size)
        futures = [
            [gathering.add(group[0])] if len(group) == 1 else gathering.add_group(group) for group in groups
        ]  # fmt: skip
        work.gate.set()
        for group, waited in zip(groups, futures, strict=True):
            assert await asyncio.gather(*waited) == [2 * number for number in group]
        return work.batches

    batches = asyncio.run(gather())
    assert [number for batch in batches for number in batch] == [number for group in groups for number in group]
    for group in filter(None, groups):
        assert any(set(group) <= set(batch) for batch in batches)
    longest = max(group_sizes, default=0)
    assert all(0 < len(batch) < size + max(longest, 1) for batch in batches)


async def test_what_comes_while_a_batch_is_under_way_shares_the_next_one() -> None:
    work = Work()
    gathering = Gathering(work, lanes=1, size=10)
    first = gathering.add(1)
    await asyncio.sleep(0)
    others = [gathering.add(2), *gathering.add_group([3, 4])]
    work.gate.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert work.batches == [[1], [2, 3, 4]]


async def test_an_error_reaches_each_of_its_batch_and_nobody_else() -> None:
    async def work(numbers: Sequence[int]) -> list[int]:
        if 0 in numbers:
            raise ZeroDivisionError
        return list(numbers)

    gathering = Gathering(work, lanes=1, size=1)
    bad, good = gathering.add_group([1, 0]), gathering.add(2)
    for future in bad:
        with pytest.raises(ZeroDivisionError):
            await future
    assert await good == 2
