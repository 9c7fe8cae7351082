"""What a student is shown: the questions in the attempt's own order, for ever the same, and never a key."""

from services.attempts.tests.builders import Hall, a_question, open_hall, problem, save, start


async def test_the_same_attempt_always_looks_the_same_on_every_replica(postgres_url: str, kafka: str) -> None:
    async with (
        open_hall(postgres_url, kafka) as hall,
        open_hall(postgres_url, kafka, database_url=hall.service.database.url, peers=hall.peers) as replica,
    ):
        questions = [a_question() for _ in range(8)]
        exam = hall.exam(questions, settings={"randomize_questions": True, "randomize_options": True})
        student, other = hall.student(), hall.student()
        attempt = await start(student, exam)
        path = f"/api/v1/attempts/{attempt['id']}/paper"
        shown = (await student.get(path)).json()["questions"]
        again = (await replica.service.as_("student", student.person_id).get(path)).json()["questions"]  # type: ignore[attr-defined]
        assert shown == again
        assert sorted(question["id"] for question in shown) == sorted(question.question_id for question in questions)
        for question in shown:
            asked = next(item for item in questions if item.question_id == question["id"])
            assert sorted(option["id"] for option in question["options"]) == sorted(o.option_id for o in asked.options)
        second = await start(other, exam)
        different = (await other.get(f"/api/v1/attempts/{second['id']}/paper")).json()["questions"]
        orders = [[(q["id"], [o["id"] for o in q["options"]]) for q in paper] for paper in (shown, different)]
        assert orders[0] != orders[1]


async def test_an_attempt_keeps_the_version_it_was_started_on(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt = await start(student, exam)
    before = (await student.get(f"/api/v1/attempts/{attempt['id']}/paper")).json()["questions"]
    newer = hall.exam([a_question("essay")], exam_id=exam.id, version=2, revision=2)
    await hall.sql("UPDATE exams SET state = $1, revision = 2", newer.state.SerializeToString())
    assert (await student.get(f"/api/v1/attempts/{attempt['id']}/paper")).json()["questions"] == before
    assert (await start(hall.student(), newer))["exam_version"] == 2


async def test_after_submission_the_paper_is_shown_only_where_the_exam_allows_it(hall: Hall) -> None:
    for allowed, expected in ((True, 200), (False, 403)):
        exam, student = hall.exam(settings={"allow_review_after_submit": allowed}), hall.student()
        attempt = await start(student, exam)
        await save(student, attempt, exam.questions[1], {"text": "mine"})
        await student.post(f"/api/v1/attempts/{attempt['id']}/submit")
        reply = await student.get(f"/api/v1/attempts/{attempt['id']}/paper")
        assert reply.status_code == expected
        if not allowed:
            assert problem(reply) == (403, "review-not-allowed")
        staff = hall.staff("instructor", exam.state.instructor_id)
        assert (await staff.get(f"/api/v1/attempts/{attempt['id']}/paper")).status_code == 200
        answers = (await staff.get(f"/api/v1/attempts/{attempt['id']}/answers")).json()["answers"]
        assert [(answer["question_id"], answer["response"]) for answer in answers] == [
            (exam.questions[1].question_id, {"text": "mine"})
        ]


async def test_a_paper_has_no_place_for_a_key(hall: Hall) -> None:
    exam, student = hall.exam([a_question(kind) for kind in ("single_choice", "numeric")]), hall.student()
    attempt = await start(student, exam)
    paper = (await student.get(f"/api/v1/attempts/{attempt['id']}/paper")).json()
    for question in paper["questions"]:
        assert set(question) == {
            "id", "type", "text", "image_url", "points", "topic", "difficulty", "is_required", "options", "max_characters", "answer",
        }  # fmt: skip
        assert all(set(option) == {"id", "text", "image_url"} for option in question["options"])
