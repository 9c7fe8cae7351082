"""A worker as a real process beside a real broker: what it takes in, what it tells, and what it is worth when it is killed."""

import signal
from pathlib import Path

from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.collusion.facts import decoded_agenda
from services.proctoring.stream.app import changelog_of
from services.proctoring.stream.tables import partition_of
from services.proctoring.stream.tests.expected import must_end_in, outcome_of
from services.proctoring.stream.tests.tapes import (
    batch,
    event,
    exam_watched,
    lifecycle,
    name,
    saved,
    seats_planned,
    shown,
    tape,
    watch_began,
)
from services.proctoring.stream.tests.workers import ROOT, Hand, a_broker, a_worker, soon
from services.proctoring.stream.worker import AGAIN

EXAM = name("exam")
ATTEMPT = name("attempt")
QUESTION = name("question")
LIMIT = told.ViolationLimitReached.DESCRIPTOR


async def alerts_of(hand: Hand, kind: str) -> list[told.Alert]:
    found = await hand.read("proctoring.alerts.v1")
    alerts = [each.message.alert for each in found if isinstance(each.message, told.AlertRaised)]
    return [alert for alert in alerts if alert.kind == kind]


async def latest_risks(hand: Hand) -> dict[str, told.RiskAssessed]:
    """The highest revision of each attempt."""
    latest: dict[str, told.RiskAssessed] = {}
    for each in await hand.read("proctoring.risk.v1"):
        if each.message.revision > latest.get(each.key, told.RiskAssessed()).revision:
            latest[each.key] = each.message
    return latest


async def test_signals_of_a_watched_attempt_become_an_alert_and_an_assessment(kafka: str, tmp_path: Path) -> None:
    with a_worker(kafka, tmp_path) as worker:
        await worker.ready()
        async with a_broker(kafka) as hand:
            await hand.publish(
                [
                    lifecycle(EXAM, ATTEMPT, 0),
                    watch_began(EXAM, ATTEMPT),
                    batch(EXAM, ATTEMPT, 1, 10, "devtools_open", "question_shown"),
                ]
            )
            assert await soon(lambda: alerts_of(hand, "devtools_open"))
            risk = (await soon(lambda: latest_risks(hand)))[ATTEMPT]
            assert (risk.behaviour_score, risk.counts["devtools_open"], risk.attempt_status) == (30, 1, "in_progress")
        assert worker.stop() in (0, -signal.SIGTERM)


async def test_answers_reach_the_attempt_without_what_was_answered(kafka: str, tmp_path: Path) -> None:
    with a_worker(kafka, tmp_path) as worker:
        await worker.ready()
        async with a_broker(kafka) as hand:
            await hand.publish([exam_watched(EXAM), lifecycle(EXAM, ATTEMPT, 0), watch_began(EXAM, ATTEMPT)])
            await hand.publish([saved(EXAM, 30, (ATTEMPT, QUESTION, 1, "the chosen option"))])

            async def answered() -> bool:
                latest = await latest_risks(hand)
                return ATTEMPT in latest and latest[ATTEMPT].answered_count == 1

            await soon(answered)
            marks = await hand.read("proctoring.by-attempt.v1")
            assert marks
            assert b"the chosen option" not in b"".join(each.message.SerializeToString() for each in marks)


async def test_progress_after_which_nothing_more_comes_is_told_all_the_same(kafka: str, tmp_path: Path) -> None:
    with a_worker(kafka, tmp_path) as worker:
        await worker.ready()
        async with a_broker(kafka) as hand:
            await hand.publish([lifecycle(EXAM, ATTEMPT, 0), watch_began(EXAM, ATTEMPT)])

            async def stands_at(position: int) -> bool:
                latest = await latest_risks(hand)
                return ATTEMPT in latest and latest[ATTEMPT].position == position

            for number, seconds in enumerate((10, 10.5), start=1):
                await hand.publish([shown(EXAM, ATTEMPT, number, seconds, position=number)])
                await soon(lambda number=number: stands_at(number))


async def test_of_an_exam_that_is_not_proctored_no_answer_goes_further(kafka: str, tmp_path: Path) -> None:
    other = name("another exam")
    with a_worker(kafka, tmp_path) as worker:
        await worker.ready()
        async with a_broker(kafka) as hand:
            await hand.publish([saved(other, 30, (ATTEMPT, QUESTION, 1, "a"))])
            await hand.publish([exam_watched(EXAM), saved(EXAM, 31, (name("watched"), QUESTION, 1, "a"))])
            marks = await soon(lambda: hand.read("proctoring.by-attempt.v1"))
            assert {each.key for each in marks} == {name("watched")}


async def test_an_exam_that_turns_out_to_be_proctored_a_moment_later_has_all_its_answers(
    kafka: str, tmp_path: Path
) -> None:
    with a_worker(kafka, tmp_path) as worker:
        await worker.ready()
        async with a_broker(kafka) as hand:
            lost_before = len(await hand.read("proctoring.worker.v1"))
            await hand.publish([saved(EXAM, 30, (ATTEMPT, QUESTION, 1, "a"))])
            await soon(lambda: hand.read(changelog_of("exams")))
            await hand.publish([exam_watched(EXAM)])
            await soon(lambda: hand.read("proctoring.by-attempt.v1"))
            assert len(await hand.read("proctoring.worker.v1")) == lost_before


async def test_the_newest_seating_plan_is_kept_with_the_exam_whenever_it_came_and_by_whoever_goes_on(
    kafka: str, tmp_path: Path
) -> None:
    mine, theirs = seats_planned(EXAM, 5, hall=[ATTEMPT]), seats_planned(EXAM, 3, aula=[ATTEMPT])
    later = seats_planned(EXAM, 4, cellar=[ATTEMPT])

    async def room() -> str:
        rows = [each.message for each in await hand.read(changelog_of("exams")) if each.key == f"{EXAM}/"]
        seats = decoded_agenda(rows[-1]).seats if rows else None
        return seats.room_of(name(f"student of {ATTEMPT}")) if seats else ""

    async def is_in(wanted: str) -> bool:
        return await room() == wanted

    async with a_broker(kafka) as hand:
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            await hand.publish([theirs, exam_watched(EXAM)])
            await soon(lambda: is_in("aula"))
            await hand.publish([mine])
            await soon(lambda: is_in("hall"))
            worker.stop()
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            await hand.publish([later, theirs, exam_watched(EXAM, revision=2)])

            async def is_watched_anew() -> bool:
                rows = [each.message for each in await hand.read(changelog_of("exams")) if each.key == f"{EXAM}/"]
                exam = decoded_agenda(rows[-1]).exam
                return exam is not None and exam.revision == 2

            await soon(is_watched_anew)
            assert await room() == "hall"


async def test_what_was_dropped_by_an_earlier_worker_is_asked_for_when_the_exam_turns_out_to_be_proctored(
    kafka: str, tmp_path: Path
) -> None:
    async with a_broker(kafka) as hand:
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            await hand.publish([saved(EXAM, 30, (ATTEMPT, QUESTION, 1, "a"))])

            async def dropped() -> bool:
                return any(each.key == f"{EXAM}/dropped" for each in await hand.read(changelog_of("exams")))

            await soon(dropped)
            worker.stop()
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            lost_before = len(await hand.read("proctoring.worker.v1"))
            await hand.publish([exam_watched(EXAM)])

            async def asked() -> bool:
                return len(await hand.read("proctoring.worker.v1")) == lost_before + 1

            await soon(asked)


async def test_a_killed_worker_goes_on_with_the_same_numbers_and_tells_nothing_twice(
    kafka: str, tmp_path: Path
) -> None:
    events = tape(7)
    expected, half = outcome_of(events), len(events) // 2
    async with a_broker(kafka) as hand:
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            await hand.publish(events[:half])
            await soon(lambda: latest_risks(hand))
            worker.kill()
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            await hand.publish(events[half:])
            await soon(lambda: must_end_in(hand, expected))
            assert not worker.said("state_lost")
            worker.kill()
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            told_before = {each.event_id for each in await hand.read("proctoring.alerts.v1")}
            await hand.publish(events)  # all of it once more, as relays do after a doubtful send
            mark = name("a mark at the end")
            await hand.publish([lifecycle(EXAM, mark, 1), watch_began(EXAM, mark), batch(EXAM, mark, 1, 2, "mouse")])

            async def marked() -> bool:
                return mark in await latest_risks(hand)

            await soon(marked)
        assert {each.event_id for each in await hand.read("proctoring.alerts.v1")} == told_before
        assert await must_end_in(hand, expected)
        limits = [each for each in await hand.read("proctoring.alerts.v1") if each.message.DESCRIPTOR == LIMIT]
        assert limits
        assert len({each.event_id for each in limits}) == len({each.key for each in limits})


async def test_a_newer_log_ends_the_worker_and_the_next_one_reads_it_from_the_beginning(
    kafka: str, tmp_path: Path
) -> None:
    async with a_broker(kafka) as hand:
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            await hand.publish([lifecycle(EXAM, ATTEMPT, 0), watch_began(EXAM, ATTEMPT)])
            await soon(lambda: latest_risks(hand))
            await hand.publish([batch(EXAM, ATTEMPT, 1, 10, "devtools_open")], generation=2)
            assert worker.process.wait(60) == AGAIN
            assert worker.said("stream_begins_again")
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            assert await soon(lambda: alerts_of(hand, "devtools_open"))
            assert worker.process.poll() is None
            assert not worker.said("stream_begins_again")
            assert not worker.said("state_lost")


async def test_a_changelog_whose_beginning_is_gone_is_noticed_and_the_events_are_asked_for(
    kafka: str, tmp_path: Path
) -> None:
    changelog = changelog_of("watches")
    async with a_broker(kafka) as hand:
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            await soon(lambda: hand.read(changelog))
            worker.stop()
        (first,) = [each.message for each in await hand.read("proctoring.worker.v1")]
        assert list(first.partitions) == [0, 1, 2, 3]
        for _ in range(8):  # the broker keeps five megabytes of a partition
            await hand.publish_raw(changelog, ATTEMPT, bytes(900_000), [])
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()

            async def asked() -> list[int]:
                found = [each.message for each in await hand.read("proctoring.worker.v1")]
                return [list(each.partitions) for each in found if each.worker != first.worker]

            assert await soon(asked) == [[partition_of(ATTEMPT, 4)]]


async def test_poison_becomes_a_dead_letter_and_the_next_event_is_taken_in(kafka: str, tmp_path: Path) -> None:
    with a_worker(kafka, tmp_path) as worker:
        await worker.ready()
        async with a_broker(kafka) as hand:
            await hand.publish([lifecycle(EXAM, ATTEMPT, 0), watch_began(EXAM, ATTEMPT)])
            good = batch(EXAM, ATTEMPT, 1, 10, "devtools_open")
            headers = [
                ("ce_type", good.message.DESCRIPTOR.full_name.encode()),
                ("ce_time", good.at.isoformat().encode()),
                ("ce_id", b"poison"),
            ]
            topic = "proctoring.signals.v1"
            await hand.publish_raw(topic, ATTEMPT, b"\xff\xff\xff no protobuf", headers)
            await hand.publish_raw(topic, ATTEMPT, b"no headers at all", [])
            stranger = batch(EXAM, name("another attempt"), 1, 10, "devtools_open")
            await hand.publish([event(topic, ATTEMPT, stranger.message, 10)])
            await hand.publish([good])
            assert await soon(lambda: alerts_of(hand, "devtools_open"))
            letters = await hand.read(f"{topic}.dlq")
            assert len(letters) == 3
            assert all(letter.key == ATTEMPT for letter in letters)
            reasons = [letter.headers["dead-letter-reason"] for letter in letters]
            assert "DecodeError" in reasons[0]
            assert "ce_type" in reasons[1]
            assert "another" not in reasons[2]
            assert "under the key" in reasons[2]
            assert worker.process.poll() is None


async def test_a_worker_writes_nothing_but_into_its_folder(kafka: str, tmp_path: Path) -> None:
    """In a pod nothing else can be written: a folder beside its code would keep it from ever being ready."""
    here = set(ROOT.glob("*data*"))
    with a_worker(kafka, tmp_path) as worker:
        await worker.ready()
    assert (tmp_path / "data" / "stream").is_dir()
    assert set(ROOT.glob("*data*")) == here
