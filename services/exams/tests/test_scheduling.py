"""When and for whom an exam is: set before publication, changed after it."""

from typing import Any

import pytest

from chassis.audit import AUDIT_TOPIC
from chassis.ids import new_id
from services.exams.access_codes import ALPHABET, digest
from services.exams.events import EXAMS
from services.exams.tests.builders import EVERYONE, Office, done, problem, rules


async def schedule(office: Office, exam: dict[str, Any], **values: Any) -> Any:
    return await office.author.put(f"/api/v1/exams/{exam['id']}/schedule", json={**EVERYONE, **values})


async def test_a_generated_code_is_shown_to_the_author_and_stays_until_changed_or_taken_away(office: Office) -> None:
    exam = await office.draft()
    code = (await done(schedule(office, exam, generate_access_code=True)))["schedule"]["access_code"]
    assert len(code) == 8
    assert set(code) <= set(ALPHABET)
    assert (await done(schedule(office, exam)))["schedule"]["access_code"] == code
    assert (await done(schedule(office, exam, access_code="HALL-42")))["schedule"]["access_code"] == "HALL-42"
    assert (await done(schedule(office, exam, access_code=None)))["schedule"]["access_code"] is None


async def test_a_code_that_stays_keeps_its_digest_and_a_new_one_gets_a_salt_of_its_own(office: Office) -> None:
    exam = await office.published(schedule={**EVERYONE, "access_code": "HALL-42"})
    await done(schedule(office, exam, max_attempts=2))
    await done(schedule(office, exam, access_code="HALL-43"))
    await done(schedule(office, exam, access_code=None))
    first, kept, renewed, none = [message.exam.schedule for _, message in await office.service.recorded(EXAMS)]
    assert first.access_code_sha256 == digest(first.access_code_salt, "HALL-42")
    assert (kept.access_code_salt, kept.access_code_sha256) == (first.access_code_salt, first.access_code_sha256)
    assert renewed.access_code_sha256 == digest(renewed.access_code_salt, "HALL-43")
    assert renewed.access_code_salt != first.access_code_salt
    assert (none.needs_access_code, none.access_code_salt, none.access_code_sha256) == (False, "", "")


async def test_a_change_after_publication_is_in_force_at_once_and_told_to_others(office: Office) -> None:
    exam = await office.published()
    changed = await done(schedule(office, exam, closes_at="2020-01-01T00:00:00Z"))
    name, message = (await office.service.recorded(EXAMS))[-1]
    assert (name, message.exam.revision, message.exam.version) == ("ExamScheduleChanged", changed["revision"], 1)
    assert message.exam.schedule.closes_at.ToJsonString() == "2020-01-01T00:00:00Z"


async def test_a_draft_takes_an_unfinished_schedule_and_tells_nobody(office: Office) -> None:
    exam = await office.draft()
    await done(office.author.put(f"/api/v1/exams/{exam['id']}/schedule", json={}))
    assert await office.service.recorded(EXAMS) == []


async def test_a_published_exam_is_never_left_with_a_broken_schedule(office: Office) -> None:
    exam = await office.published()
    path = f"/api/v1/exams/{exam['id']}/schedule"
    assert rules(await office.author.put(path, json={})) == [("schedule.audience", "empty")]
    assert rules(await schedule(office, exam, max_attempts=0)) == [("schedule.max_attempts", "practice_only")]
    assert (await done(office.author.get(f"/api/v1/exams/{exam['id']}"))) == exam


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"opens_at": "2026-01-02T00:00:00Z", "closes_at": "2026-01-02T00:00:00Z"}, "order"),
        ({"opens_at": "2026-01-02T00:00:00"}, "timezone_aware"),
        ({"closes_at": "9999-12-31T23:59:59-14:00"}, "less_than_equal"),
        ({"access_code": "abc"}, "string_too_short"),
        ({"access_code": "with space"}, "string_pattern_mismatch"),
        ({"access_code": "HALL-42", "generate_access_code": True}, "one_of"),
        ({"max_attempts": -1}, "greater_than_equal"),
        ({"audience": {"levels": [""]}}, "string_too_short"),
        ({"audience": {"student_ids": [str(new_id())] * 2001}}, "too_long"),
    ],
)
async def test_a_bad_schedule_is_refused_with_its_rule(office: Office, values: dict[str, Any], rule: str) -> None:
    exam = await office.draft()
    assert [found for _, found in rules(await schedule(office, exam, **values))] == [rule]


async def test_staff_and_named_students_must_exist_with_the_right_role(office: Office) -> None:
    exam = await office.draft()
    proctor, student, nobody = office.person("proctor"), office.person("student"), new_id()
    wrong = {
        "proctor_ids": [str(proctor), str(student)],
        "evaluator_ids": [str(proctor)],
        "audience": {"student_ids": [str(nobody)]},
    }
    for values, field in (
        (wrong, "proctor_ids"),
        ({**wrong, "proctor_ids": []}, "evaluator_ids"),
        ({"audience": wrong["audience"]}, "audience.student_ids"),
    ):
        assert rules(await schedule(office, exam, **values)) == [(field, "unknown")]
    named = {"proctor_ids": [str(proctor)] * 2, "audience": {"student_ids": [str(student)]}}
    kept = (await done(schedule(office, exam, **named)))["schedule"]
    assert (kept["proctor_ids"], kept["audience"]["student_ids"]) == ([str(proctor)], [str(student)])


async def test_the_audit_log_has_the_schedule_before_and_after_but_no_code(office: Office) -> None:
    exam = await office.draft()
    await done(schedule(office, exam, access_code="HALL-42", max_attempts=3))
    entry = (await office.service.recorded(AUDIT_TOPIC))[-1][1]
    assert entry.action == "exam_scheduled"
    assert '"max_attempts":1' in entry.old_values_json
    assert '"max_attempts":3' in entry.new_values_json
    assert '"needs_access_code":true' in entry.new_values_json
    assert "HALL-42" not in str(entry)


async def test_practice_may_be_taken_without_limit(office: Office) -> None:
    exam = await office.published(kind="practice", schedule={**EVERYONE, "max_attempts": 0})
    assert exam["schedule"]["max_attempts"] == 0
    assert problem(await schedule(office, await office.published(), max_attempts=0))[0] == 422
