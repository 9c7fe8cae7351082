"""Who sees which exam, and how much of it."""

from typing import Any

import httpx

from chassis.ids import new_id
from services.exams.tests.builders import EVERYONE, Office, done

PATH = "/api/v1/exams"
OF_STUDENTS = {
    "id", "version", "status", "title", "subject", "kind", "instructions", "opens_at", "closes_at", "max_attempts",
    "needs_access_code", "question_count", "total_points", "settings", "published_at", "room",
}  # fmt: skip
OF_STAFF = OF_STUDENTS - {"room"} | {
    "revision", "instructor_id", "audience", "proctor_ids", "evaluator_ids", "access_code",
}  # fmt: skip


async def titles(client: httpx.AsyncClient, **query: Any) -> list[str]:
    page = await done(client.get(PATH, params=query))
    assert page["total"] == len(page["items"])
    return sorted(item["title"] for item in page["items"])


async def test_a_student_sees_exactly_the_exams_whose_audience_they_are_in(office: Office) -> None:
    classes, centres, specializations = [[new_id() for _ in range(2)] for _ in range(3)]
    me = office.person(
        "student", class_id=classes[0], centre_id=centres[0], specialization_id=specializations[0], level="final year"
    )
    audiences = {
        "everyone": {"is_everyone": True},
        "my class": {"class_ids": [str(classes[0])]},
        "other class": {"class_ids": [str(classes[1])]},
        "my centre": {"centre_ids": [str(centres[0])]},
        "other centre": {"centre_ids": [str(centres[1])]},
        "my specialization": {"specialization_ids": [str(specializations[0])]},
        "other specialization": {"specialization_ids": [str(specializations[1])]},
        "my level": {"levels": ["first year", "final year"]},
        "other level": {"levels": ["first year"]},
        "me": {"student_ids": [str(me)]},
        "somebody else": {"student_ids": [str(office.person("student"))]},
        "other class, but me": {"class_ids": [str(classes[1])], "student_ids": [str(me)]},
    }
    ids = {}
    for title, audience in audiences.items():
        ids[title] = (await office.published(title=title, schedule={"audience": audience}))["id"]
    await office.draft(title="draft")
    student = office.service.as_("student", me)

    seen = {
        title for title in audiences if title.startswith("my") or title in ("everyone", "me", "other class, but me")
    }
    assert set(await titles(student)) == seen
    for title, exam_id in ids.items():
        assert (await student.get(f"{PATH}/{exam_id}")).status_code == (200 if title in seen else 404), title


async def test_a_student_sees_window_and_rules_of_the_published_version_and_nothing_else(office: Office) -> None:
    schedule = {**EVERYONE, "opens_at": "2026-01-01T10:00:00Z", "access_code": "HALL-42"}
    exam = await office.published(schedule=schedule, settings={"proctoring": True}, instructions="Calm.")
    await done(office.author.patch(f"{PATH}/{exam['id']}", json={"title": "Not yet", "settings": {"camera": True}}))
    student = office.student()

    seen = await done(student.get(f"{PATH}/{exam['id']}"))

    assert set(seen) == OF_STUDENTS
    assert (seen["title"], seen["instructions"], seen["needs_access_code"]) == ("Mechanics", "Calm.", True)
    assert (seen["opens_at"], seen["closes_at"], seen["total_points"]) == ("2026-01-01T10:00:00Z", None, "2.00")
    assert (seen["settings"]["proctoring"], seen["settings"]["camera"]) == (True, False)
    assert not {"multiple_select", "floor_question_at_zero", "floor_total_at_zero"} & set(seen["settings"])
    assert (await done(student.get(PATH)))["items"] == [seen]
    assert await titles(student, search="not yet") == []
    assert await titles(student, kind="exam", subject="engineering", status="published") == ["Mechanics"]


async def test_an_instructor_sees_only_their_own_exams_and_an_administrator_all(office: Office) -> None:
    colleague = office.service.as_("instructor")
    await office.published(title="mine")
    theirs = await office.published(title="theirs", client=colleague)
    draft = await office.draft(title="their draft", client=colleague)
    assert await titles(office.author) == ["mine"]
    assert await titles(office.admin) == ["mine", "their draft", "theirs"]
    for exam in (theirs, draft):
        assert (await office.author.get(f"{PATH}/{exam['id']}")).status_code == 404
        assert (await office.admin.get(f"{PATH}/{exam['id']}")).status_code == 200


async def test_proctors_and_evaluators_see_the_published_exams_that_name_them(office: Office) -> None:
    proctor, evaluator = office.person("proctor"), office.person("evaluator")
    named = {"proctor_ids": [str(proctor)], "evaluator_ids": [str(evaluator)], "access_code": "HALL-42", **EVERYONE}
    exam = await office.published(title="named", schedule=named)
    await office.published(title="others")
    draft = await office.draft(title="draft")
    await done(office.author.put(f"{PATH}/{draft['id']}/schedule", json=named))

    for role, person_id, code in (("proctor", proctor, "HALL-42"), ("evaluator", evaluator, None)):
        client = office.service.as_(role, person_id)
        assert await titles(client) == ["named"]
        seen = await done(client.get(f"{PATH}/{exam['id']}"))
        assert set(seen) == OF_STAFF
        assert seen["access_code"] == code
        assert (await client.get(f"{PATH}/{draft['id']}")).status_code == 404
        assert await titles(office.service.as_(role)) == []


async def test_staff_keep_seeing_an_archived_exam_that_names_them(office: Office) -> None:
    evaluator = office.person("evaluator")
    exam = await office.published(schedule={**EVERYONE, "evaluator_ids": [str(evaluator)]})
    await done(office.author.post(f"{PATH}/{exam['id']}/archive"))
    seen = await done(office.service.as_("evaluator", evaluator).get(f"{PATH}/{exam['id']}"))
    assert seen["status"] == "archived"


async def test_a_centres_administrator_sees_the_published_exams_that_reach_the_centre(office: Office) -> None:
    centre, school_class = new_id(), new_id()
    student = office.person("student", centre_id=centre, class_id=school_class, level="final year")
    await done(office.service.as_("student", student).get(PATH))
    audiences = {
        "everyone": {"is_everyone": True},
        "the centre": {"centre_ids": [str(centre)]},
        "another centre": {"centre_ids": [str(new_id())]},
        "a class of its students": {"class_ids": [str(school_class)]},
        "another class": {"class_ids": [str(new_id())]},
        "one of its students": {"student_ids": [str(student)]},
        "a level of its students": {"levels": ["final year"]},
    }
    for title, audience in audiences.items():
        await office.published(title=title, schedule={"audience": audience})
    await office.draft(title="draft")
    here = office.service.as_("centre_admin", centre_id=centre)
    assert await titles(here) == sorted(set(audiences) - {"another centre", "another class"})
    assert await titles(office.service.as_("centre_admin", centre_id=new_id())) == ["everyone"]
    assert await titles(office.service.as_("centre_admin")) == []


async def test_lists_of_students_come_in_pages_newest_first(office: Office) -> None:
    for title in ("one", "two", "three"):
        await office.published(title=title)
    page = await done(office.student().get(PATH, params={"limit": 2, "page": 2}))
    assert ([item["title"] for item in page["items"]], page["total"], page["pages"]) == (["one"], 3, 2)
