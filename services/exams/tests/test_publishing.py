"""Publishing checks everything, freezes a version, and tells the others."""

import asyncio
from datetime import timedelta

import asyncpg
import grpc
import pytest

from chassis.clock import now
from chassis.ids import new_id
from proto.examhall.exams.v1.exams_pb2 import GetExamRequest, GetVersionRequest
from proto.examhall.exams.v1.keys_pb2 import ALL_OR_NOTHING
from services.exams.events import EXAMS
from services.exams.tests.builders import EVERYONE, QUESTIONS, Office, a_question, done, made, problem, rules


async def test_an_exam_of_every_type_is_published_and_served_as_paper_and_key(office: Office) -> None:
    settings = {"duration_seconds": 1800, "passing_percentage": "62.5", "randomize_options": True, "violation_limit": 3}
    exam = await office.published(*(a_question(kind) for kind in QUESTIONS), settings=settings, instructions="Calm.")

    assert (exam["status"], exam["version"], exam["question_count"], exam["total_points"]) == (
        "published",
        1,
        6,
        "12.00",
    )
    request = GetVersionRequest(exam_id=exam["id"], version=1)
    paper, key = await office.stub.GetPaper(request), await office.stub.GetAnswerKey(request)
    assert key.paper == paper
    assert (paper.title, paper.instructions, paper.settings.passing_percentage) == ("Mechanics", "Calm.", "62.5")
    assert (paper.settings.duration_seconds, paper.settings.violation_limit) == (1800, 3)
    assert [slot.draw for slot in paper.slots] == [1] * 6
    assert [question.question_id for question in key.questions] == [
        slot.questions[0].question_id for slot in paper.slots
    ]
    assert [slot["question"]["id"] for slot in exam["slots"]] == [question.question_id for question in key.questions]
    single, several, truth, short, number, essay = key.questions
    assert [option.is_correct for option in single.options] == [True, False]
    assert [option.credit for option in several.options] == ["1.50", "0.50", ""]
    assert truth.correct_truth
    assert list(short.accepted_forms) == ["creep", "creeping"]
    assert (number.numeric.value, number.numeric.absolute_tolerance, number.numeric.relative_tolerance) == (
        "9.81",
        "0.01",
        "",
    )
    assert (essay.rubric, essay.sample_answer) == ("two arguments", "It depends.")
    assert (key.rules.multiple_select, key.rules.floor_question_at_zero) == (ALL_OR_NOTHING, True)


async def test_publishing_names_every_fault_at_once_and_changes_nothing(office: Office) -> None:
    undecided = a_question(options=[{"text": "a", "is_correct": True}, {"text": "b", "is_correct": True}])
    formless = a_question("short_answer", accepted_forms=[])
    exam = await office.draft(undecided, formless)
    bank = await made(office.author, "/api/v1/question-banks", {"name": "Small"})
    await made(office.author, f"/api/v1/exams/{exam['id']}/draws", {"bank_id": bank["id"], "count": 2})

    reply = await office.author.post(f"/api/v1/exams/{exam['id']}/publish")

    assert problem(reply) == (422, "not-publishable")
    assert rules(reply) == [
        ("slots.0.question.options", "exactly_one_correct"),
        ("slots.1.question.accepted_forms", "at_least_one"),
        ("slots.2.draw", "pool_too_small"),
        ("schedule.audience", "empty"),
    ]
    assert all(error.get("question_id") for error in reply.json()["errors"][:2])
    after = await done(office.author.get(f"/api/v1/exams/{exam['id']}"))
    assert (after["status"], after["version"]) == ("draft", 0)
    assert await office.service.recorded(EXAMS) == []


async def test_editing_after_publication_changes_the_draft_and_never_the_frozen_version(office: Office) -> None:
    exam = await office.published(a_question(topic="Statics"))
    path, question = f"/api/v1/exams/{exam['id']}", exam["slots"][0]["question"]
    first = await office.stub.GetAnswerKey(GetVersionRequest(exam_id=exam["id"], version=1))

    options = [{**option, "is_correct": not option["is_correct"]} for option in question["options"]]
    await done(office.author.patch(f"/api/v1/questions/{question['id']}", json={"text": "New", "options": options}))
    await done(office.author.patch(path, json={"title": "Statics", "settings": {"duration_seconds": 60}}))
    assert await office.stub.GetAnswerKey(GetVersionRequest(exam_id=exam["id"], version=1)) == first
    assert (await office.stub.GetExam(GetExamRequest(exam_id=exam["id"]))).title == "Mechanics"

    again = await done(office.author.post(f"{path}/publish"))
    assert again["version"] == 2
    second = await office.stub.GetAnswerKey(GetVersionRequest(exam_id=exam["id"], version=2))
    assert await office.stub.GetAnswerKey(GetVersionRequest(exam_id=exam["id"], version=1)) == first
    assert (second.paper.title, second.paper.settings.duration_seconds) == ("Statics", 60)
    assert second.questions[0].question_id == first.questions[0].question_id
    assert [option.option_id for option in second.questions[0].options] == [
        option.option_id for option in first.questions[0].options
    ]
    assert [option.is_correct for option in second.questions[0].options] == [False, True]


async def test_the_author_reads_a_version_as_it_was_frozen_with_its_keys(office: Office) -> None:
    exam = await office.published(a_question("numeric", explanation="g on Earth"), a_question("multiple_select"))
    await done(office.author.patch(f"/api/v1/exams/{exam['id']}", json={"title": "Later"}))

    version = await done(office.author.get(f"/api/v1/exams/{exam['id']}/versions/1"))
    assert version["title"] == "Mechanics"
    assert [slot["questions"][0] for slot in version["slots"]] == [slot["question"] for slot in exam["slots"]]
    assert version["settings"] == exam["settings"]
    versions = await done(office.author.get(f"/api/v1/exams/{exam['id']}/versions"))
    assert [(item["version"], item["total_points"]) for item in versions["items"]] == [(1, "4.00")]
    assert versions["total"] == 1
    for unknown in (2, 2**31 - 1):
        assert (await office.author.get(f"/api/v1/exams/{exam['id']}/versions/{unknown}")).status_code == 404
    assert (await office.author.get(f"/api/v1/exams/{exam['id']}/versions/0")).status_code == 422


@pytest.mark.parametrize(
    "statement", ["UPDATE exam_versions SET paper = ''", "DELETE FROM exam_versions", "TRUNCATE exam_versions"]
)
async def test_the_database_itself_refuses_to_change_a_frozen_version(office: Office, statement: str) -> None:
    await office.published()
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="never changed"):
        await office.service.database.pool.execute(statement)


async def test_two_publications_at_once_make_one_whole_version_each(office: Office) -> None:
    exam = await office.published(a_question(), a_question("essay"))
    path = f"/api/v1/exams/{exam['id']}/publish"

    replies = await asyncio.gather(*(office.author.post(path) for _ in range(8)))

    assert sorted(reply.json()["version"] for reply in replies) == list(range(2, 10))
    events = [message.exam for name, message in await office.service.recorded(EXAMS) if name == "ExamPublished"]
    assert [event.version for event in events] == list(range(1, 10))
    assert [event.revision for event in events] == sorted({event.revision for event in events})
    for version in range(1, 10):
        key = await office.stub.GetAnswerKey(GetVersionRequest(exam_id=exam["id"], version=version))
        assert [question.question_id for question in key.questions] == [
            slot.questions[0].question_id for slot in key.paper.slots
        ]


async def test_publications_with_the_revision_that_was_read_let_only_one_through(office: Office) -> None:
    exam = await office.published()
    headers = {"If-Match": f'"v{exam["revision"]}"'}
    path = f"/api/v1/exams/{exam['id']}/publish"
    replies = await asyncio.gather(*(office.author.post(path, headers=headers) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 412, 412, 412]


async def test_a_publication_repeated_with_its_idempotency_key_makes_one_version(office: Office) -> None:
    exam = await office.published()
    headers = {"Idempotency-Key": "once"}
    replies = [await office.author.post(f"/api/v1/exams/{exam['id']}/publish", headers=headers) for _ in range(3)]
    assert [reply.json()["version"] for reply in replies] == [2, 2, 2]


async def test_a_draw_freezes_its_pool_and_counts_once_for_each_question_drawn(office: Office) -> None:
    bank = await made(office.author, "/api/v1/question-banks", {"name": "Units"})
    for number, difficulty in enumerate(["easy", "easy", "easy", "hard"]):
        question = a_question(
            text=f"Question {number}", topic="SI", difficulty=difficulty, bank_id=bank["id"], points="3"
        )
        await made(office.author, "/api/v1/questions", question)
    exam = await office.draft(a_question())
    slot = await made(
        office.author,
        f"/api/v1/exams/{exam['id']}/draws",
        {"bank_id": bank["id"], "count": 2, "topic": "SI", "difficulty": "easy"},
    )
    assert (slot["draw"]["pool_size"], slot["points"]) == (3, "6.00")
    await done(office.author.put(f"/api/v1/exams/{exam['id']}/schedule", json=EVERYONE))

    published = await done(office.author.post(f"/api/v1/exams/{exam['id']}/publish"))

    assert (published["question_count"], published["total_points"]) == (3, "8.00")
    paper = await office.stub.GetPaper(GetVersionRequest(exam_id=exam["id"], version=1))
    assert [(slot.draw, len(slot.questions)) for slot in paper.slots] == [(1, 1), (2, 3)]


async def test_a_question_in_the_exam_for_certain_is_not_drawn_again(office: Office) -> None:
    bank = await made(office.author, "/api/v1/question-banks", {"name": "Units"})
    questions = [
        await made(office.author, "/api/v1/questions", a_question(text=f"{n}", bank_id=bank["id"])) for n in range(3)
    ]
    exam = await made(office.author, "/api/v1/exams", {"title": "T", "subject": "S", "kind": "quiz"})
    path = f"/api/v1/exams/{exam['id']}"
    drawn = await made(office.author, f"{path}/draws", {"bank_id": bank["id"], "count": 2})
    assert drawn["draw"]["pool_size"] == 3
    await made(office.author, f"{path}/questions", {"question_id": questions[0]["id"]})
    await done(office.author.put(f"{path}/schedule", json=EVERYONE))
    await done(office.author.post(f"{path}/publish"))
    paper = await office.stub.GetPaper(GetVersionRequest(exam_id=exam["id"], version=1))
    assert questions[0]["id"] not in [question.question_id for question in paper.slots[0].questions]

    await made(office.author, f"{path}/draws", {"bank_id": bank["id"], "count": 1})
    reply = await office.author.post(f"{path}/publish")
    assert {rule for _, rule in rules(reply)} == {"repeated"}


async def test_the_event_carries_the_whole_state_and_the_code_only_as_salt_and_digest(office: Office) -> None:
    proctor, evaluator, school_class = office.person("proctor"), office.person("evaluator"), new_id()
    opens, closes = now().replace(microsecond=0), (now() + timedelta(days=1)).replace(microsecond=0)
    schedule = {
        "opens_at": opens.isoformat(), "closes_at": closes.isoformat(), "max_attempts": 2, "access_code": "HALL-42",
        "audience": {"class_ids": [str(school_class)], "levels": ["final year"]},
        "proctor_ids": [str(proctor)], "evaluator_ids": [str(evaluator)],
    }  # fmt: skip
    exam = await office.published(schedule=schedule, settings={"release_automatically": True})

    [(name, message)] = await office.service.recorded(EXAMS)
    state = message.exam
    assert (name, state.exam_id, state.status, state.version) == ("ExamPublished", exam["id"], "published", 1)
    assert (state.revision, state.instructor_id) == (exam["revision"], str(office.author_id))
    assert (list(state.proctor_ids), list(state.evaluator_ids)) == ([str(proctor)], [str(evaluator)])
    assert state.schedule.opens_at.ToDatetime(opens.tzinfo) == opens
    assert state.schedule.closes_at.ToDatetime(opens.tzinfo) == closes
    assert (state.schedule.max_attempts, state.schedule.needs_access_code) == (2, True)
    assert list(state.schedule.audience.class_ids) == [str(school_class)]
    assert list(state.schedule.audience.levels) == ["final year"]
    assert (state.total_points, state.question_count, state.passing_percentage) == ("2.00", 1, "40")
    assert state.release_automatically
    assert state.HasField("published_at")
    assert b"HALL-42" not in message.SerializeToString()
    assert await office.stub.GetExam(GetExamRequest(exam_id=exam["id"])) == state


async def test_archiving_ends_an_exam_for_good_and_keeps_what_was_sat(office: Office) -> None:
    exam = await office.published()
    path = f"/api/v1/exams/{exam['id']}"
    student = office.student()
    assert (await student.get(path)).status_code == 200

    archived = await done(office.author.post(f"{path}/archive"))

    assert archived["status"] == "archived"
    name, message = (await office.service.recorded(EXAMS))[-1]
    assert (name, message.exam.status, message.exam.revision) == ("ExamArchived", "archived", archived["revision"])
    assert (await student.get(path)).status_code == 404
    assert (await office.stub.GetPaper(GetVersionRequest(exam_id=exam["id"], version=1))).title == "Mechanics"
    for change in (
        office.author.patch(path, json={"title": "T"}),
        office.author.post(f"{path}/publish"),
        office.author.put(f"{path}/schedule", json=EVERYONE),
        office.author.post(f"{path}/archive"),
    ):
        assert problem(await change) == (409, "exam-archived")
    assert (await office.author.post(f"{path}/duplicate")).json()["status"] == "draft"


async def test_a_draft_is_not_archived_and_a_published_exam_is_not_deleted(office: Office) -> None:
    draft, published = await office.draft(), await office.published()
    assert (await office.author.post(f"/api/v1/exams/{draft['id']}/archive")).status_code == 409
    assert (await office.author.delete(f"/api/v1/exams/{published['id']}")).status_code == 409
    await done(office.author.delete(f"/api/v1/exams/{draft['id']}"))
    assert (await office.author.get(f"/api/v1/exams/{draft['id']}")).status_code == 404


async def test_other_services_get_nothing_of_drafts_and_unknown_versions(office: Office) -> None:
    draft, published = await office.draft(), await office.published()
    for call in (
        office.stub.GetExam(GetExamRequest(exam_id=draft["id"])),
        office.stub.GetExam(GetExamRequest(exam_id="no id")),
        office.stub.GetPaper(GetVersionRequest(exam_id=draft["id"], version=0)),
        office.stub.GetPaper(GetVersionRequest(exam_id=published["id"], version=2)),
        office.stub.GetAnswerKey(GetVersionRequest(exam_id=published["id"], version=2**32 - 1)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call
        assert failure.value.code() is grpc.StatusCode.NOT_FOUND


async def test_the_preview_shows_the_draft_without_keys_and_names_what_is_missing(office: Office) -> None:
    exam = await office.draft(a_question(explanation="secret"), a_question("essay", text=""))
    preview = await done(office.author.get(f"/api/v1/exams/{exam['id']}/preview"))
    assert [question["type"] for question in preview["questions"]] == ["single_choice", "essay"]
    assert set(preview["questions"][0]["options"][0]) == {"id", "text", "image_url"}
    assert "secret" not in str(preview)
    assert [(fault["field"], fault["rule"]) for fault in preview["faults"]] == [
        ("slots.1.question.text", "required"), ("schedule.audience", "empty"),
    ]  # fmt: skip
