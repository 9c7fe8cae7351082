"""The demonstration's loader: plain mappings in, published exams out."""

from typing import Any

import pytest

from chassis.audit import AUDIT_TOPIC
from chassis.clock import now
from chassis.ids import new_id
from proto.examhall.exams.v1.exams_pb2 import GetVersionRequest
from services.exams.events import EXAMS
from services.exams.problems import NotPublishable
from services.exams.seeding import seed_exams
from services.exams.tests.builders import EVERYONE, QUESTIONS, Office, a_question, done


def an_exam(office: Office, **values: Any) -> dict[str, Any]:
    body = {"title": "Demo", "subject": "Engineering", "kind": "practice", "instructions": "Calm."}
    return {"id": new_id(), "instructor_id": office.author_id, **body, "schedule": EVERYONE, **values}


async def test_seeded_exams_are_published_and_belong_to_their_instructors(office: Office) -> None:
    bank = {"id": new_id(), "owner_id": office.author_id, "name": "Units", "description": "", "subject": "Physics"}
    questions = [{"id": new_id(), "owner_id": office.author_id, **a_question(kind)} for kind in QUESTIONS]
    option_id = new_id()
    questions[0]["options"] = [{"text": "a", "is_correct": True, "id": option_id}, {"text": "b"}]
    pool = [
        {"id": new_id(), "owner_id": office.author_id, **a_question(text=str(n), bank_id=bank["id"])} for n in range(3)
    ]
    proctor = new_id()
    exam = an_exam(
        office,
        settings={"duration_seconds": 900, "passing_percentage": "70"},
        questions=[{"question_id": questions[0]["id"], "points": "4"}, *(each["id"] for each in questions[1:])],
        draws=[{"bank_id": bank["id"], "count": 2}],
        schedule={**EVERYONE, "max_attempts": 0, "access_code": "HALL-42", "proctor_ids": [proctor]},
    )
    async with office.service.database.session() as tx:
        await seed_exams(tx, [bank], [*questions, *pool], [exam], now())

    seen = await done(office.author.get(f"/api/v1/exams/{exam['id']}"))
    assert (seen["status"], seen["version"], seen["question_count"], seen["total_points"]) == (
        "published",
        1,
        8,
        "18.00",
    )
    assert seen["slots"][0]["question"]["options"][0]["id"] == str(option_id)
    assert (seen["schedule"]["access_code"], seen["schedule"]["proctor_ids"]) == ("HALL-42", [str(proctor)])
    key = await office.stub.GetAnswerKey(GetVersionRequest(exam_id=str(exam["id"]), version=1))
    assert [slot.draw for slot in key.paper.slots] == [1] * 6 + [2]
    assert key.questions[0].points == "4.00"
    [(name, message)] = await office.service.recorded(EXAMS)
    assert (name, message.exam.schedule.max_attempts) == ("ExamPublished", 0)
    [(_, entry)] = await office.service.recorded(AUDIT_TOPIC)
    assert (entry.action, entry.actor_id) == ("exam_published", "")


async def test_what_could_not_be_published_is_not_seeded(office: Office) -> None:
    with pytest.raises(NotPublishable):
        async with office.service.database.session() as tx:
            await seed_exams(tx, [], [], [an_exam(office)], now())
    assert (await done(office.author.get("/api/v1/exams")))["total"] == 0
