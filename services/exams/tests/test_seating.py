"""Who sits in which room: given as a whole, before publication or after it, and told to others."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from chassis.audit import AUDIT_TOPIC
from chassis.ids import new_id
from services.exams.events import EXAMS
from services.exams.rooms import MAX_ROOMS, NAMED_FAULTS
from services.exams.tests.builders import EVERYONE, Office, done, problem, rules

Plan = dict[str, list[UUID]]


def path_of(exam: dict[str, Any]) -> str:
    return f"/api/v1/exams/{exam['id']}/seating"


def body_of(plan: Plan) -> dict[str, Any]:
    return {"rooms": [{"name": name, "student_ids": [str(one) for one in ids]} for name, ids in plan.items()]}


async def seat(office: Office, exam: dict[str, Any], plan: Plan, **more: Any) -> httpx.Response:
    return await office.author.put(path_of(exam), json=body_of(plan), **more)


async def told(office: Office) -> list[Any]:
    return [message for name, message in await office.service.recorded(EXAMS) if name == "ExamSeatingChanged"]


def as_told(message: Any) -> Plan:
    return {room.name: [UUID(one) for one in room.student_ids] for room in message.rooms}


async def test_a_plan_is_kept_by_name_and_id_and_replaced_as_a_whole(office: Office) -> None:
    ann, bob, cat = sorted(office.person("student") for _ in range(3))
    exam = await office.published()
    first = await done(seat(office, exam, {"Hall B": [cat], "Hall A": [bob, ann]}))
    assert first == {"exam_id": exam["id"], **body_of({"Hall A": [ann, bob], "Hall B": [cat]})}
    assert await done(office.author.get(path_of(exam))) == first
    second = await done(seat(office, exam, {"Hall B": [ann]}))
    assert second["rooms"] == body_of({"Hall B": [ann]})["rooms"]
    assert await done(office.admin.get(path_of(exam))) == second


async def test_the_event_tells_the_whole_plan_under_the_exams_growing_revision_and_an_empty_one_takes_it_away(
    office: Office,
) -> None:
    ann, bob = sorted(office.person("student") for _ in range(2))
    exam = await office.published()
    for plan in ({"Hall B": [bob], "Hall A": [ann]}, {"Hall A": [ann, bob]}, {}):
        await done(seat(office, exam, plan))
    first, second, none = await told(office)
    assert [as_told(each) for each in (first, second, none)] == [
        {"Hall A": [ann], "Hall B": [bob]}, {"Hall A": [ann, bob]}, {}
    ]  # fmt: skip
    assert {each.exam_id for each in (first, second, none)} == {exam["id"]}
    assert exam["revision"] < first.revision < second.revision < none.revision
    current = await done(office.author.get(f"/api/v1/exams/{exam['id']}"))
    assert current["revision"] == none.revision


async def test_a_plan_made_before_publication_is_told_with_the_first_one_and_not_again(office: Office) -> None:
    ann = office.person("student")
    exam = await office.draft()
    await done(office.author.put(f"/api/v1/exams/{exam['id']}/schedule", json=EVERYONE))
    await done(seat(office, exam, {"Hall A": [ann]}))
    assert await office.service.recorded(EXAMS) == []
    published = await done(office.author.post(f"/api/v1/exams/{exam['id']}/publish"))
    await done(office.author.post(f"/api/v1/exams/{exam['id']}/publish"))
    assert [name for name, _ in await office.service.recorded(EXAMS)] == [
        "ExamPublished", "ExamSeatingChanged", "ExamPublished"
    ]  # fmt: skip
    (message,) = await told(office)
    assert (as_told(message), message.revision) == ({"Hall A": [ann]}, published["revision"])


async def test_an_exam_without_a_plan_is_published_without_one(office: Office) -> None:
    exam = await office.published()
    assert (await done(office.author.get(path_of(exam))))["rooms"] == []
    assert await told(office) == []


async def test_the_same_plan_again_changes_nothing(office: Office) -> None:
    ann, bob = sorted(office.person("student") for _ in range(2))
    exam = await office.published()
    first = await seat(office, exam, {"Hall A": [ann], "Hall B": [bob]})
    again = await seat(office, exam, {" Hall  B ": [bob], "Hall A": [ann]}, headers={"If-Match": first.headers["ETag"]})
    assert (again.json(), again.headers["ETag"]) == (first.json(), first.headers["ETag"])
    assert len(await told(office)) == 1


async def test_who_read_an_older_state_overwrites_nothing(office: Office) -> None:
    ann, bob = office.person("student"), office.person("student")
    exam = await office.published()
    read = await office.author.get(path_of(exam))
    kept = await seat(office, exam, {"Hall A": [ann]}, headers={"If-Match": read.headers["ETag"]})
    assert kept.status_code == 200
    late = await seat(office, exam, {"Hall A": [bob]}, headers={"If-Match": read.headers["ETag"]})
    assert problem(late)[0] == 412
    assert await done(office.author.get(path_of(exam))) == kept.json()


async def test_two_plans_at_once_leave_one_of_them_whole(office: Office) -> None:
    students = [office.person("student") for _ in range(30)]
    exam = await office.published()
    one, other = {"Hall A": sorted(students[:20])}, {"Hall B": sorted(students[10:])}
    for reply in await asyncio.gather(seat(office, exam, one), seat(office, exam, other)):
        assert reply.status_code == 200, reply.text
    kept = await done(office.author.get(path_of(exam)))
    assert kept["rooms"] in (body_of(one)["rooms"], body_of(other)["rooms"])
    assert as_told((await told(office))[-1]) == {
        room["name"]: [UUID(each) for each in room["student_ids"]] for room in kept["rooms"]
    }


async def test_names_are_composed_and_trimmed(office: Office) -> None:
    exam = await office.published()
    kept = await done(seat(office, exam, {"  Salle  e\u0301te\u0301 ": [office.person("student")]}))
    assert [room["name"] for room in kept["rooms"]] == ["Salle \u00e9t\u00e9"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [("rooms", "missing")]),
        ({"rooms": [{"name": "   ", "student_ids": [str(new_id())]}]}, [("rooms.0.name", "string_too_short")]),
        ({"rooms": [{"name": "x" * 81, "student_ids": [str(new_id())]}]}, [("rooms.0.name", "string_too_long")]),
        ({"rooms": [{"name": "a\x00b", "student_ids": [str(new_id())]}]}, [("rooms.0.name", "string_pattern_mismatch")]),
        ({"rooms": [{"name": 7, "student_ids": [str(new_id())]}]}, [("rooms.0.name", "string_type")]),
        ({"rooms": [{"name": "Hall", "student_ids": []}]}, [("rooms.0.student_ids", "too_short")]),
        ({"rooms": [{"name": "Hall", "student_ids": ["x"]}]}, [("rooms.0.student_ids.0", "uuid_parsing")]),
        ({"rooms": [{"name": "Hall", "student_ids": [str(new_id())]}] * (MAX_ROOMS + 1)}, [("rooms", "too_long")]),
    ],
)  # fmt: skip
async def test_a_bad_plan_is_refused_with_field_and_rule(office: Office, body: Any, expected: Any) -> None:
    exam = await office.published()
    assert rules(await office.author.put(path_of(exam), json=body)) == expected


async def test_a_student_or_a_room_named_twice_is_refused_where_it_stands(office: Office) -> None:
    ann, bob = office.person("student"), office.person("student")
    exam = await office.published()
    twice = await seat(office, exam, {"Hall A": [ann, bob], "Hall B": [ann]})
    assert rules(twice) == [("rooms.1.student_ids.0", "repeated")]
    same = await seat(office, exam, {"Hall A": [ann], "HALL A": [bob]})
    assert rules(same) == [("rooms.1.name", "repeated")]


async def test_who_is_no_student_or_not_in_the_audience_is_named_and_nothing_changes(office: Office) -> None:
    class_id = new_id()
    ann, stranger = office.person("student", class_id=class_id), office.person("student", class_id=new_id())
    proctor, nobody = office.person("proctor"), new_id()
    exam = await office.published(schedule={"audience": {"class_ids": [str(class_id)]}})
    kept = await done(seat(office, exam, {"Hall A": [ann]}))
    refused = await seat(office, exam, {"Hall A": [ann, proctor], "Hall B": [stranger, nobody]})
    assert rules(refused) == [
        ("rooms.0.student_ids.1", "unknown"),
        ("rooms.1.student_ids.0", "not_in_audience"),
        ("rooms.1.student_ids.1", "unknown"),
    ]
    assert str(stranger) in refused.json()["errors"][1]["message"]
    assert await done(office.author.get(path_of(exam))) == kept
    assert len(await told(office)) == 1


async def test_a_list_of_strangers_is_named_up_to_a_hundred_and_counted(office: Office) -> None:
    exam = await office.published()
    refused = await seat(office, exam, {"Hall A": [new_id() for _ in range(NAMED_FAULTS + 3)]})
    assert len(rules(refused)) == NAMED_FAULTS + 1
    assert rules(refused)[-1] == ("rooms", "more")
    assert refused.json()["errors"][-1]["message"].startswith("3 more")


async def test_a_plan_needs_an_audience_first_and_stays_when_the_audience_changes(office: Office) -> None:
    ann = office.person("student")
    exam = await office.draft()
    assert rules(await seat(office, exam, {"Hall A": [ann]})) == [("rooms.0.student_ids.0", "not_in_audience")]
    await done(office.author.put(f"/api/v1/exams/{exam['id']}/schedule", json=EVERYONE))
    kept = await done(seat(office, exam, {"Hall A": [ann]}))
    others = {"audience": {"class_ids": [str(new_id())]}}
    await done(office.author.put(f"/api/v1/exams/{exam['id']}/schedule", json=others))
    assert await done(office.author.get(path_of(exam))) == kept


async def test_an_archived_exams_plan_stays_as_it_was(office: Office) -> None:
    ann = office.person("student")
    exam = await office.published()
    kept = await done(seat(office, exam, {"Hall A": [ann]}))
    await done(office.author.post(f"/api/v1/exams/{exam['id']}/archive"))
    assert problem(await seat(office, exam, {})) == (409, "exam-archived")
    assert await done(office.author.get(path_of(exam))) == kept


async def test_a_deleted_draft_takes_its_plan_along_and_a_copy_of_an_exam_has_none(office: Office) -> None:
    ann = office.person("student")
    exam = await office.draft()
    await done(office.author.put(f"/api/v1/exams/{exam['id']}/schedule", json=EVERYONE))
    await done(seat(office, exam, {"Hall A": [ann]}))
    copy = (await office.author.post(f"/api/v1/exams/{exam['id']}/duplicate")).json()
    assert (await done(office.author.get(path_of(copy))))["rooms"] == []
    await done(office.author.delete(f"/api/v1/exams/{exam['id']}"))
    assert await office.sql("SELECT * FROM exam_seats") == []


async def test_a_student_sees_the_own_room_and_no_other(office: Office) -> None:
    ann, bob, cat = sorted(office.person("student") for _ in range(3))
    exam, other = await office.published(), await office.published()
    await done(seat(office, exam, {"Hall A": [ann], "Hall B": [bob]}))
    await done(seat(office, other, {"Aula": [ann]}))
    for student_id, rooms in ((ann, ["Hall A", "Aula"]), (bob, ["Hall B", None]), (cat, [None, None])):
        student = office.service.as_("student", student_id)
        read = [(await done(student.get(f"/api/v1/exams/{each['id']}")))["room"] for each in (exam, other)]
        listed = {each["id"]: each["room"] for each in (await done(student.get("/api/v1/exams")))["items"]}
        assert read == [listed[exam["id"]], listed[other["id"]]] == rooms
        assert (await student.get(path_of(exam))).status_code == 403


async def test_the_audit_log_has_how_large_the_plan_is_and_who_sits_elsewhere(office: Office) -> None:
    ann, bob, cat = sorted(office.person("student") for _ in range(3))
    exam = await office.published()
    await done(seat(office, exam, {"Hall A": [ann, bob], "Hall B": [cat]}))
    await done(seat(office, exam, {"Hall A": [ann], "Hall B": [bob]}))
    entry = (await office.service.recorded(AUDIT_TOPIC))[-1][1]
    assert (entry.action, entry.entity_type, entry.entity_id) == ("exam_seated", "exam", exam["id"])
    moved = {str(bob): "Hall A", str(cat): "Hall B"}
    assert msgspec.json.decode(entry.old_values_json) == {"rooms": 2, "students": 3, "seats": moved}
    moved = {str(bob): "Hall B", str(cat): None}
    assert msgspec.json.decode(entry.new_values_json) == {"rooms": 2, "students": 2, "seats": moved, "moved": 2}
