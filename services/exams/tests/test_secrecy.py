"""Nothing that a student, an event or a log could show holds a key, a weight, an explanation or an access code of a planted exam."""

import re
from decimal import Decimal
from typing import Any

import pytest
from fastapi.routing import APIRoute

from chassis.ids import new_id
from proto.examhall.exams.v1.exams_pb2 import GetExamRequest, GetVersionRequest
from services.exams.app import build
from services.exams.settings import Settings
from services.exams.tests.builders import Office, done, made

# Each canary stands in a place that only authors and grading may read.
CANARIES = (
    "canary-explanation", "canary-form", "canary-rubric", "canary-sample", "CANARY-CODE", "777.17", "113.57", "31337.25", "0.0917",
)  # fmt: skip
SEEN_BY_STUDENTS = "visible-text"


def planted_questions() -> list[dict[str, Any]]:
    common = {"text": SEEN_BY_STUDENTS, "points": "888.88", "explanation": "canary-explanation"}
    credits = [
        {"text": "a", "is_correct": True, "credit": "777.17"},
        {"text": "b", "is_correct": True, "credit": "111.71"},
    ]
    return [
        {"type": "single_choice", **common, "penalty": "113.57", "options": [{"text": "x", "is_correct": True}, {"text": "y"}]},
        {"type": "multiple_select", **common, "options": credits},
        {"type": "true_false", **common, "correct_truth": True},
        {"type": "short_answer", **common, "accepted_forms": ["canary-form"]},
        {"type": "numeric", **common, "numeric": {"value": "31337.25", "absolute_tolerance": "0.0917"}},
        {"type": "essay", **common, "rubric": "canary-rubric", "sample_answer": "canary-sample"},
    ]  # fmt: skip


async def planted(office: Office, *proctors: Any) -> dict[str, Any]:
    """A published exam, changed and published again, scheduled anew, copied: every way an event or a log line comes to be."""
    schedule = {
        "audience": {"is_everyone": True}, "access_code": "CANARY-CODE", "proctor_ids": [str(one) for one in proctors]
    }  # fmt: skip
    settings = {"multiple_select": "partial_credit"}
    exam = await office.published(*planted_questions(), schedule=schedule, settings=settings)
    path = f"/api/v1/exams/{exam['id']}"
    question = exam["slots"][3]["question"]["id"]
    await done(office.author.patch(f"/api/v1/questions/{question}", json={"accepted_forms": ["canary-form", "more"]}))
    bank = await made(office.author, "/api/v1/question-banks", {"name": "Planted"})
    await made(office.author, "/api/v1/questions", {**planted_questions()[4], "bank_id": bank["id"]})
    await made(office.author, f"{path}/draws", {"bank_id": bank["id"], "count": 1})
    await done(office.author.post(f"{path}/publish"))
    await done(office.author.put(f"{path}/schedule", json={**schedule, "max_attempts": 2}))
    assert (await office.author.post(f"{path}/duplicate")).status_code == 201
    return await done(office.author.get(path))


def leaks(text: str) -> list[str]:
    words = (
        "is_correct",
        "correct_truth",
        "accepted_forms",
        "explanation",
        "rubric",
        "sample_answer",
        "credit",
        "penalty",
    )
    return [word for word in (*CANARIES, *(f'"{word}"' for word in words)) if word in text]


async def test_the_canaries_are_where_they_belong(office: Office) -> None:
    """Otherwise the tests below would prove nothing."""
    exam = await planted(office)
    author = str(await done(office.author.get(f"/api/v1/exams/{exam['id']}")))
    key = str(await office.stub.GetAnswerKey(GetVersionRequest(exam_id=exam["id"], version=2)))
    for canary in CANARIES:
        assert canary in author
        assert canary in key or canary == "CANARY-CODE"


async def test_no_response_that_a_student_can_get_holds_a_secret(office: Office) -> None:
    exam = await planted(office)
    student = office.student()
    question = exam["slots"][0]["question"]["id"]
    values = {"exam_id": exam["id"], "question_id": question, "version": "1", "slot_id": exam["slots"][-1]["id"]}
    values["bank_id"] = exam["slots"][-1]["draw"]["bank_id"]
    answered = 0
    for router in build(Settings()).routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            path = re.sub(r"{(\w+)}", lambda match: values[match[1]], route.path)
            for method in route.methods:
                for body in (None, {}, [], {"access_code": "CANARY-CODE"}, {"title": "T"}):
                    reply = await student.request(method, path, json=body)
                    assert leaks(reply.text + str(reply.headers)) == [], f"{method} {path}: {reply.text[:300]}"
                    assert SEEN_BY_STUDENTS not in reply.text
                    answered += reply.status_code == 200
    assert answered == 10  # the list and the one exam, whatever the body


async def test_other_staff_see_no_key_either_and_only_those_in_the_room_the_code(office: Office) -> None:
    proctor = office.person("proctor")
    exam = await planted(office, proctor)
    path = f"/api/v1/exams/{exam['id']}"
    room = await office.service.as_("proctor", proctor).get(path)
    assert leaks(room.text) == ["CANARY-CODE"]
    assert leaks((await office.service.as_("centre_admin", centre_id=new_id()).get(path)).text) == ["CANARY-CODE"]
    assert leaks((await office.service.as_("evaluator").get(path)).text) == []


async def test_no_event_and_no_answer_to_delivery_holds_a_secret(office: Office) -> None:
    exam = await planted(office)
    rows = await office.sql("SELECT type, payload, headers::text, subject, key FROM outbox")
    assert {row["type"].rpartition(".")[2] for row in rows} == {"ExamPublished", "ExamScheduleChanged", "AuditRecorded"}
    for row in rows:
        payload = row["payload"].decode("utf-8", "replace")
        assert leaks(payload.replace('"fields":["accepted_forms"]', "") + str(row["headers"])) == [], row["type"]
    for version in (1, 2):
        paper = await office.stub.GetPaper(GetVersionRequest(exam_id=exam["id"], version=version))
        assert SEEN_BY_STUDENTS in str(paper)
        assert leaks(paper.SerializeToString().decode("utf-8", "replace")) == []
    assert leaks(str(await office.stub.GetExam(GetExamRequest(exam_id=exam["id"])))) == []


async def test_no_log_line_holds_a_secret(office: Office, capfd: pytest.CaptureFixture[str], caplog: Any) -> None:
    caplog.set_level("DEBUG")
    exam = await planted(office)
    student = office.student()
    await student.get(f"/api/v1/exams/{exam['id']}")
    await office.author.put(f"/api/v1/exams/{exam['id']}/schedule", json={"access_code": "CANARY-CODE-" * 9})
    await office.author.post("/api/v1/questions", json={**planted_questions()[4], "points": "-1"})
    out, err = capfd.readouterr()
    lines = "\n".join([out, err, caplog.text])
    assert [canary for canary in CANARIES if canary in lines] == []


async def test_a_refused_body_is_not_repeated_in_the_refusal(office: Office) -> None:
    exam = await office.draft()
    body = {"access_code": "CANARY-CODE-" * 9}
    reply = await office.author.put(f"/api/v1/exams/{exam['id']}/schedule", json=body)
    assert reply.status_code == 422
    assert leaks(reply.text) == []
    body = {**planted_questions()[4], "numeric": {"value": "31337.25", "absolute_tolerance": str(-Decimal("0.0917"))}}
    assert leaks((await office.author.post("/api/v1/questions", json=body)).text) == []
