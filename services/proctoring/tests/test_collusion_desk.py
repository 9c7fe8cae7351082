"""Answers in common as staff see them: every number with its name and assumptions, and never a word of guilt."""

import asyncio
import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from proto.examhall.proctoring.v1.events_pb2 import Statistic
from proto.examhall.proctoring.v1.exams_pb2 import CollusionRequested
from services.proctoring.collusion_views import CollusionOut, StatisticOut
from services.proctoring.tables import Seat
from services.proctoring.tests.desk import API, Desk

ACCUSING = re.compile(r"\b(guilt|guilty|cheat\w*|culprit|fraud\w*|offender|copier|copied from|stole)\b", re.IGNORECASE)


@given(st.decimals(-20, 400, places=4))
def test_an_e_value_is_told_as_odds_however_large(log10: Decimal) -> None:
    shown = StatisticOut.of(Statistic(method="e_process", kind="e_value", log10_value=str(log10)))
    assert shown.log10_value == log10
    assert shown.decides
    assert ("no evidence" in shown.text) == (log10 <= 0)
    assert not ACCUSING.search(shown.text + shown.meaning)


async def test_before_there_are_answers_enough_it_says_not_enough_yet(desk: Desk) -> None:
    exam = await desk.exam()
    client, path = desk.proctor(exam), f"{API}/exams/{exam.id}/collusion"
    shown = (await client.get(path)).json()
    assert shown["progress"]["text"].startswith("Not enough yet")
    assert (shown["progress"]["revision"], shown["progress"]["is_enough"], shown["pairs"], shown["groups"]) == (0, False, [], [])  # fmt: skip
    await desk.progress(exam, candidates=12, answers=40, items=20, items_believed=0)
    shown = (await client.get(path)).json()["progress"]
    assert shown["text"].startswith("Not enough yet: 40 answers of 12 candidates")
    assert (shown["is_enough"], shown["items"], shown["candidates"], shown["percent"]) == (False, 20, 12, 0)


async def test_an_analysis_under_way_is_shown_with_how_much_of_it_is_done(desk: Desk) -> None:
    for percent, said in (
        (0, "So far 66 pairs"),
        (40, "The answers are being analysed as a whole, 40 % is done. So far 66 pairs"),
        (100, "So far 66 pairs"),
    ):
        exam = await desk.exam()
        await desk.progress(
            exam, candidates=12, answers=240, items=20, items_believed=20, pairs_tested=66, percent=percent
        )
        shown = (await desk.proctor(exam).get(f"{API}/exams/{exam.id}/collusion")).json()["progress"]
        assert shown["percent"] == percent
        assert shown["text"].startswith(said)


async def test_flagged_pairs_and_groups_come_with_everything_that_speaks(desk: Desk) -> None:
    exam = await desk.exam()
    ada, bo, cy = [await desk.attempt(exam, name) for name in ("Ada", "Bo", "Cy")]
    await desk.pair(exam, bo, ada, log10="6.5")
    await desk.pair(exam, cy, ada, log10="12")
    await desk.pair(exam, cy, bo, verdict="nothing", log10="0.5")
    await desk.group(exam, [ada, bo, cy])
    await desk.group(exam, [], "dissolved")
    await desk.progress(
        exam, candidates=100, answers=3000, items=40, items_believed=38, pairs_tested=4950, pairs_flagged=2, is_final=True
    )  # fmt: skip
    reply = await desk.proctor(exam).get(f"{API}/exams/{exam.id}/collusion")
    shown = reply.json()
    assert CollusionOut.model_validate(shown).model_dump(mode="json") == shown
    assert [pair["later"]["student_name"] for pair in shown["pairs"]] == ["Cy", "Bo"]
    assert shown["pairs_total"] == 2
    pair = shown["pairs"][1]
    assert (pair["earlier"]["student_name"], pair["verdict"], pair["family"]) == ("Ada", "flagged", "plausible")
    assert (pair["plausible_by"], pair["expected_false_flags"]) == (["centre", "time"], "0.002")
    assert "at most one in 3,162,277" in pair["text"]
    assert "0.002 such pairs" in pair["text"]
    methods = {statistic["method"]: statistic for statistic in pair["statistics"]}
    assert [name for name, statistic in methods.items() if statistic["decides"]] == ["e_process"]
    assert all(statistic["assumptions"] and statistic["meaning"] for statistic in pair["statistics"])
    assert "p = 0.00012" in methods["omega"]["text"]
    assert "rule of thumb" in methods["rule_of_thumb"]["meaning"]
    assert "ranking only" in methods["rarity"]["text"]
    assert pair["items"][0]["log10_evidence"] == "1.5"
    assert pair["items"][0]["later_answered_at"] is None
    assert "indication" in pair["direction_text"]
    (group,) = shown["groups"]
    assert {member["student_name"] for member in group["members"]} == {"Ada", "Bo", "Cy"}
    assert group["likely_source_attempt_id"] == str(ada.id)
    assert shown["progress"]["text"].startswith("At the close of the exam 4950 pairs of 100 candidates")
    assert shown["progress"]["false_discovery_rate"] == "0.05"
    said = " ".join(re.findall(r'"(?:text|caution|direction_text|meaning)":"([^"]*)"', reply.text))
    assert "not a finding" in said
    assert not ACCUSING.search(said)


async def test_a_pair_is_found_whichever_way_round_it_is_named(desk: Desk) -> None:
    exam, other_exam = await desk.exam(), await desk.exam()
    ada, bo = await desk.attempt(exam), await desk.attempt(exam)
    await desk.pair(exam, bo, ada, verdict="not_enough_yet")
    client, path = desk.proctor(exam), f"{API}/exams/{exam.id}/collusion/pairs"
    one, other = [(await client.get(f"{path}/{a.id}/{b.id}")).json() for a, b in ((ada, bo), (bo, ada))]
    assert one == other
    assert (one["later"]["attempt_id"], one["text"][:10]) == (str(bo.id), "Not enough")
    assert (await client.get(f"{path}/{ada.id}/{new_id()}")).status_code == 404
    elsewhere = f"{API}/exams/{other_exam.id}/collusion/pairs/{ada.id}/{bo.id}"
    assert (await desk.proctor(other_exam).get(elsewhere)).status_code == 404


async def test_a_pair_and_a_group_say_in_which_room_each_member_sits(desk: Desk) -> None:
    exam = await desk.exam()
    ada, bo, cy = [await desk.attempt(exam, name) for name in ("Ada", "Bo", "Cy")]
    await desk.keep(
        Seat(exam_id=exam.id, student_id=ada.student_id, room="Hall A"),
        Seat(exam_id=exam.id, student_id=bo.student_id, room="Hall B"),
        Seat(exam_id=new_id(), student_id=cy.student_id, room="another exam's"),
    )
    await desk.pair(exam, bo, ada)
    await desk.group(exam, [ada, bo, cy])
    shown = (await desk.proctor(exam).get(f"{API}/exams/{exam.id}/collusion")).json()
    (pair,), (group,) = shown["pairs"], shown["groups"]
    assert (pair["later"]["room"], pair["earlier"]["room"]) == ("Hall B", "Hall A")
    assert [member["room"] for member in group["members"]] == ["Hall A", "Hall B", None]


async def test_an_analysis_is_asked_for_once_for_one_key(desk: Desk) -> None:
    exam = await desk.exam()
    client, path = desk.proctor(exam), f"{API}/exams/{exam.id}/collusion"
    replies = [await client.post(path, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [202, 202]
    (event,) = await desk.events("proctoring.exams.v1")
    assert isinstance(event, CollusionRequested)
    assert event.exam_id == str(exam.id)
    assert not event.is_final
    assert {reply.json()["request_id"] for reply in replies} == {event.request_id}
    assert await desk.audited() == ["collusion_requested"]
    more = await asyncio.gather(*(client.post(path) for _ in range(3)))
    assert len({reply.json()["request_id"] for reply in more} | {event.request_id}) == 4


async def test_no_analysis_of_an_exam_that_is_not_proctored(desk: Desk) -> None:
    exam = await desk.exam(watched=None)
    refused = await desk.instructor(exam).post(f"{API}/exams/{exam.id}/collusion")
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "not-proctored")
    assert await desk.events("proctoring.exams.v1") == []
