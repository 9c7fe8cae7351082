"""Staff keeps people, classes and centres."""

import asyncio
from uuid import UUID

from chassis.audit import AUDIT_TOPIC
from chassis.ids import new_id
from chassis.testing import eventually
from services.identity.tests.builders import School


async def test_people_are_listed_by_role_state_and_part_of_a_name_in_pages(school: School) -> None:
    admin = await school.as_(await school.person("admin", name="Zed"))
    for name in ("Ann Lee", "Bob Lee", "Cy 100%"):
        await school.person("instructor", name=name)
    await school.person("student", name="Dan Lee", is_active=False)

    async def names(**query: object) -> list[str]:
        return [one["name"] for one in (await admin.get("/api/v1/users", params=query)).json()["items"]]

    assert await names(search="lee") == ["Ann Lee", "Bob Lee", "Dan Lee"]
    assert await names(search="100%") == ["Cy 100%"]
    assert await names(search="%") == ["Cy 100%"]
    assert await names(role="instructor", limit=2, page=2) == ["Cy 100%"]
    assert await names(is_active="false") == ["Dan Lee"]
    page = (await admin.get("/api/v1/users", params={"limit": 2})).json()
    assert (page["total"], page["pages"], page["page"], page["limit"]) == (5, 3, 1, 2)


async def test_two_editors_do_not_overwrite_each_other(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    person = await school.person("instructor")
    path = f"/api/v1/users/{person.id}"
    tag = (await admin.get(path)).headers["ETag"]
    first = await admin.patch(path, json={"name": "New Name"}, headers={"If-Match": tag})
    second = await admin.patch(path, json={"name": "Other Name"}, headers={"If-Match": tag})
    assert (first.status_code, second.status_code) == (200, 412)
    assert (await admin.get(path)).json()["name"] == "New Name"


async def test_a_repeated_creation_with_the_same_key_makes_one_account(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    body = {"role": "proctor", "name": "Pia Proctor", "email": "pia@example.org"}
    headers = {"Idempotency-Key": "one"}
    replies = [await admin.post("/api/v1/users", json=body, headers=headers) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [201, 201]
    assert replies[0].json() == replies[1].json()
    kept = await school.service.database.pool.fetchval("SELECT reply::text FROM idempotency_keys")
    assert replies[0].json()["claim_code"] not in kept


async def test_a_deleted_person_is_gone_and_frees_the_address(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    person = await school.person("student", email="free@example.org")
    assert (await admin.delete(f"/api/v1/users/{person.id}")).status_code == 200
    assert (await admin.get(f"/api/v1/users/{person.id}")).status_code == 404
    assert (await school.log_in(person)).status_code == 401
    await school.person("student", email="free@example.org")
    kinds = [kind for kind, event in await school.service.recorded("identity.people.v1")]
    assert "PersonDeleted" in kinds


async def test_every_change_is_an_event_with_a_higher_version(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    student = await school.person()
    path = f"/api/v1/students/{student.id}"
    await admin.put(f"{path}/accommodation", json={"extra_time_percent": 25, "break_minutes": 10, "note": "letter"})
    await admin.put(f"{path}/eligibility", json={"is_eligible": False, "reason": "fees"})
    events = await school.service.recorded("identity.people.v1")
    mine = [
        event.person for kind, event in events if kind != "PersonDeleted" and event.person.person_id == str(student.id)
    ]
    assert [one.version for one in mine] == [1, 2, 3]
    assert (mine[1].extra_time_percent, mine[1].break_minutes) == (25, 10)
    assert (mine[2].is_eligible, mine[2].ineligible_reason) == (False, "fees")
    refused = await admin.put(f"{path}/accommodation", json={"extra_time_percent": 301})
    assert refused.json()["errors"][0]["field"] == "extra_time_percent"


async def test_a_class_with_its_teachers_and_students(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    teacher = await school.person("instructor")
    students = [await school.person(name=f"Student {n}") for n in range(3)]
    body = {"name": "10A", "section": "A", "academic_year": "2026-2027"}
    made = (await admin.post("/api/v1/classes", json=body)).json()
    path = f"/api/v1/classes/{made['id']}"
    assert (await admin.post(f"{path}/teachers", json={"teacher_ids": [str(teacher.id)]})).status_code == 200
    ids = [str(one.id) for one in students]
    assert (await admin.post(f"{path}/students", json={"student_ids": ids})).status_code == 200
    wrong = await admin.post(f"{path}/students", json={"student_ids": [str(teacher.id)]})
    assert wrong.json()["errors"][0]["field"] == "student_ids"
    detail = (await admin.get(path)).json()
    assert [one["name"] for one in detail["students"]] == ["Student 0", "Student 1", "Student 2"]
    assert [one["id"] for one in detail["teachers"]] == [str(teacher.id)]
    teaching = await school.as_(teacher)
    listed = (await teaching.get(f"/api/v1/teachers/{teacher.id}/students")).json()
    assert listed["total"] == 3
    assert [one["id"] for one in (await teaching.get(f"/api/v1/teachers/{teacher.id}/classes")).json()] == [made["id"]]
    assert (await admin.delete(path)).status_code == 409
    for one in ids:
        assert (await admin.delete(f"{path}/students/{one}")).status_code == 200
    assert (await admin.delete(f"{path}/teachers/{teacher.id}")).status_code == 200
    assert (await admin.delete(path)).status_code == 200
    events = await school.service.recorded("identity.people.v1")
    states = [event.class_state for kind, event in events if kind == "ClassChanged"]
    assert [list(state.teacher_ids) for state in states] == [[], [str(teacher.id)], []]
    assert [state.version for state in states] == [1, 2, 3]
    assert events[-1][0] == "ClassDeleted"
    assert events[-1][1].version == 4


async def test_a_class_name_is_unique_in_its_year_and_centre_even_at_once(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    body = {"name": "10A", "section": "A", "academic_year": "2026"}
    replies = await asyncio.gather(*(admin.post("/api/v1/classes", json=body) for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * 4


async def test_a_centres_administrator_makes_people_of_the_own_centre_only(school: School) -> None:
    here, there = await school.centre(), await school.centre()
    client = await school.as_(await school.person("centre_admin", centre_id=here.id))
    body = {"role": "instructor", "name": "Ira", "email": "ira@example.org"}
    made = await client.post("/api/v1/users", json=body)
    assert made.json()["user"]["centre_id"] == str(here.id)
    elsewhere = await client.post("/api/v1/users", json={**body, "email": "b@example.org", "centre_id": str(there.id)})
    assert elsewhere.json()["errors"][0]["field"] == "centre_id"
    admin = await client.post("/api/v1/users", json={**body, "email": "c@example.org", "role": "admin"})
    assert admin.status_code == 403
    promoted = await client.patch(f"/api/v1/users/{made.json()['user']['id']}", json={"role": "admin"})
    assert promoted.status_code == 403


async def test_the_audit_log_tells_who_changed_what_from_what(school: School) -> None:
    boss = await school.person("admin")
    admin = await school.as_(boss)
    person = await school.person("instructor", name="Old Name")
    await admin.patch(f"/api/v1/users/{person.id}", json={"name": "New Name"})

    async def entry() -> dict[str, object] | None:
        query = {"entity_id": str(person.id), "action": "person_changed"}
        items = (await admin.get("/api/v1/audit-log", params=query)).json()["items"]
        return items[0] if items else None

    found = await eventually(entry)
    assert found["actor_id"] == str(boss.id)
    assert found["old_values"] == {"name": "Old Name"}
    assert found["new_values"] == {"name": "New Name"}
    assert (found["service"], found["address"]) == ("identity", "127.0.0.1")
    nobody = (await admin.get("/api/v1/audit-log", params={"user_id": str(new_id())})).json()
    assert nobody["total"] == 0


async def test_no_event_or_audit_entry_holds_a_secret(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    school_class = await school.school_class()
    secret = "a very secret password"
    body = {"name": "Eve", "registration_number": "S-1", "class_id": str(school_class.id), "password": secret}
    await admin.post("/api/v1/students", json=body)
    made = await admin.post("/api/v1/students", json={**body, "registration_number": "S-2", "password": None})
    code = made.json()["claim_code"]
    events = await school.service.recorded("identity.people.v1") + await school.service.recorded(AUDIT_TOPIC)
    assert len(events) >= 4
    for _, event in events:
        text = str(event)
        assert secret not in text
        assert code not in text
        assert "$argon2" not in text
    listed = await admin.get("/api/v1/students")
    assert "argon2" not in listed.text
    assert code not in listed.text


async def test_get_person_over_grpc(school: School) -> None:
    from proto.examhall.identity.v1.identity_pb2 import GetPersonRequest
    from proto.examhall.identity.v1.identity_pb2_grpc import IdentityStub

    student = await school.person(extra_time_percent=25)
    async with school.service.channel() as channel:
        state = await IdentityStub(channel).GetPerson(GetPersonRequest(person_id=str(student.id)))
    assert (UUID(state.person_id), state.extra_time_percent, state.is_active) == (student.id, 25, True)
