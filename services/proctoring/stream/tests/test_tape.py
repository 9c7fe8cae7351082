"""One tape through the pure modules, the embedded broker and Apache Kafka: the same in the end."""

from pathlib import Path

from services.proctoring.stream.tests.expected import must_end_in, outcome_of
from services.proctoring.stream.tests.tapes import tape
from services.proctoring.stream.tests.workers import a_broker, a_worker, soon


async def test_a_tape_ends_the_same_with_and_without_a_broker(kafka: str, tmp_path: Path) -> None:
    events = tape(11)
    expected = outcome_of(events)
    with a_worker(kafka, tmp_path) as worker:
        await worker.ready()
        async with a_broker(kafka) as hand:
            await hand.publish(events)
            assert await soon(lambda: must_end_in(hand, expected))
