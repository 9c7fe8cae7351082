"""Authors work on drafts: settings, places, order, copies."""

import asyncio
from typing import Any

import pytest

from chassis.audit import AUDIT_TOPIC
from chassis.ids import new_id
from services.exams.tests.builders import EVERYONE, Office, a_question, done, made, rules

PATH = "/api/v1/exams"
EXAM = {"title": "Mechanics", "subject": "Engineering", "kind": "exam"}


async def test_a_new_exam_is_a_draft_with_default_settings_that_can_be_changed_one_by_one(office: Office) -> None:
    reply = await office.author.post(PATH, json={**EXAM, "settings": {"camera": True}})
    exam = reply.json()
    assert (reply.status_code, reply.headers["ETag"]) == (201, '"v1"')
    assert (exam["status"], exam["version"], exam["instructor_id"]) == ("draft", 0, str(office.author_id))
    assert exam["settings"] == {
        "duration_seconds": 3600, "randomize_questions": False, "randomize_options": False,
        "allow_review_before_submit": True, "allow_review_after_submit": True, "show_answers_after_submit": False,
        "passing_percentage": "40", "proctoring": False, "camera": True, "browser_lockdown": False,
        "tab_switch_allowed": False, "copy_paste_allowed": False, "monitoring_sensitivity": "medium", "violation_limit": 3,
        "release_automatically": False, "multiple_select": "all_or_nothing", "floor_question_at_zero": True,
        "floor_total_at_zero": True,
    }  # fmt: skip

    change = {"title": "Statics", "settings": {"monitoring_sensitivity": "high", "passing_percentage": 50}}
    changed = await done(office.author.patch(f"{PATH}/{exam['id']}", json=change))

    settings = {**exam["settings"], "monitoring_sensitivity": "high", "passing_percentage": "50"}
    assert (changed["title"], changed["subject"], changed["settings"]) == ("Statics", "Engineering", settings)
    assert changed["revision"] == 2


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"title": ""}, ("title", "string_too_short")),
        ({"title": "x" * 256}, ("title", "string_too_long")),
        ({"subject": "x" * 101}, ("subject", "string_too_long")),
        ({"kind": "party"}, ("kind", "enum")),
        ({"settings": {"duration_seconds": 59}}, ("settings.duration_seconds", "greater_than_equal")),
        ({"settings": {"passing_percentage": "100.5"}}, ("settings.passing_percentage", "less_than_equal")),
        ({"settings": {"violation_limit": -1}}, ("settings.violation_limit", "greater_than_equal")),
        ({"settings": {"monitoring_sensitivity": "extreme"}}, ("settings.monitoring_sensitivity", "enum")),
        ({"settings": {"weight": 2}}, ("settings.weight", "extra_forbidden")),
    ],
)
async def test_a_bad_setting_is_named_with_its_rule(
    office: Office, values: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert rules(await office.author.post(PATH, json={**EXAM, **values})) == [fault]


async def test_of_two_editors_with_the_same_revision_one_is_told_to_read_again(office: Office) -> None:
    exam = await made(office.author, PATH, EXAM)
    path, headers = f"{PATH}/{exam['id']}", {"If-Match": '"v1"'}
    replies = await asyncio.gather(
        *(office.author.patch(path, json={"title": title}, headers=headers) for title in ("One", "Two"))
    )
    assert sorted(reply.status_code for reply in replies) == [200, 412]
    lost = next(reply for reply in replies if reply.status_code == 412)
    assert lost.json()["current_etag"] == '"v2"'
    stale = [
        office.author.put(f"{path}/schedule", json=EVERYONE, headers=headers),
        office.author.put(f"{path}/order", json=[], headers=headers),
        office.author.delete(path, headers=headers),
    ]
    assert [(await each).status_code for each in stale] == [412, 412, 412]


async def test_an_exam_that_changes_nothing_keeps_its_revision(office: Office) -> None:
    exam = await made(office.author, PATH, EXAM)
    same = await done(office.author.patch(f"{PATH}/{exam['id']}", json={"title": "Mechanics", "settings": {}}))
    assert same["revision"] == 1


async def test_questions_are_placed_from_elsewhere_and_inline_reordered_and_taken_out(office: Office) -> None:
    exam = await made(office.author, PATH, EXAM)
    path = f"{PATH}/{exam['id']}"
    kept = await made(office.author, "/api/v1/questions", a_question(text="kept"))
    first = await made(office.author, f"{path}/questions", {"question_id": kept["id"]})
    second = await made(office.author, f"{path}/questions", {"question": a_question("essay", text="inline")})
    assert first["question"]["id"] == kept["id"]
    assert (await done(office.author.get(f"/api/v1/questions/{second['question']['id']}")))["text"] == "inline"

    ordered = await done(office.author.put(f"{path}/order", json=[second["id"], first["id"]]))
    assert [slot["question"]["text"] for slot in ordered] == ["inline", "kept"]
    after = await done(office.author.get(path))
    assert ([slot["id"] for slot in after["slots"]], after["revision"]) == ([second["id"], first["id"]], 4)

    await done(office.author.delete(f"{path}/questions/{kept['id']}"))
    assert [slot["id"] for slot in (await done(office.author.get(path)))["slots"]] == [second["id"]]
    assert (await office.author.delete(f"{path}/questions/{kept['id']}")).status_code == 404
    assert (await office.author.get(f"/api/v1/questions/{kept['id']}")).status_code == 200


async def test_an_order_must_name_every_place_once(office: Office) -> None:
    exam = await office.draft(a_question(), a_question())
    path = f"{PATH}/{exam['id']}"
    one, two = [slot["id"] for slot in (await done(office.author.get(path)))["slots"]]
    for order in ([one], [one, one], [one, two, str(new_id())], []):
        assert rules(await office.author.put(f"{path}/order", json=order)) == [("slot_ids", "permutation")]


async def test_a_question_is_placed_once_in_an_exam_and_at_other_points_in_another(office: Office) -> None:
    question = await made(office.author, "/api/v1/questions", a_question("multiple_select", penalty="0.50"))
    one, other = [await made(office.author, PATH, EXAM) for _ in range(2)]
    placed = {"question_id": question["id"]}
    await made(office.author, f"{PATH}/{one['id']}/questions", placed)
    again = await office.author.post(f"{PATH}/{one['id']}/questions", json=placed)
    assert rules(again) == [("question_id", "repeated")]

    slot = await made(office.author, f"{PATH}/{other['id']}/questions", {**placed, "points": "4"})
    assert (slot["points"], slot["question"]["penalty"]) == ("4.00", "1.00")
    assert [option["credit"] for option in slot["question"]["options"]] == ["3.00", "1.00", None]
    points = f"{PATH}/{other['id']}/questions/{question['id']}"
    assert (await done(office.author.patch(points, json={"points": 1})))["points"] == "1.00"
    assert (await done(office.author.patch(points, json={"points": None})))["points"] == "2.00"
    assert rules(await office.author.patch(points, json={"points": "0"})) == [("points", "greater_than")]
    assert (await done(office.author.get(f"{PATH}/{one['id']}")))["total_points"] == "2.00"


async def test_a_question_that_an_administrator_writes_into_an_exam_belongs_to_its_instructor(office: Office) -> None:
    exam = await made(office.author, PATH, EXAM)
    slot = await made(office.admin, f"{PATH}/{exam['id']}/questions", {"question": a_question()})
    question = await done(office.author.get(f"/api/v1/questions/{slot['question']['id']}"))
    assert question["owner_id"] == str(office.author_id)


async def test_placing_needs_either_a_question_or_its_id(office: Office) -> None:
    exam = await made(office.author, PATH, EXAM)
    both = {"question_id": str(new_id()), "question": a_question()}
    for body in ({}, both):
        reply = await office.author.post(f"{PATH}/{exam['id']}/questions", json=body)
        assert [rule for _, rule in rules(reply)] == ["one_of"]
    missing = await office.author.post(f"{PATH}/{exam['id']}/questions", json={"question_id": str(new_id())})
    assert missing.status_code == 404


async def test_questions_placed_at_once_all_find_a_place_of_their_own(office: Office) -> None:
    exam = await made(office.author, PATH, EXAM)
    bodies = [{"question": a_question(text=str(number))} for number in range(10)]
    await asyncio.gather(*(made(office.author, f"{PATH}/{exam['id']}/questions", body) for body in bodies))
    after = await done(office.author.get(f"{PATH}/{exam['id']}"))
    assert {slot["question"]["text"] for slot in after["slots"]} == {str(number) for number in range(10)}
    assert (after["revision"], after["question_count"], after["total_points"]) == (11, 10, "20.00")


async def test_a_place_repeated_with_its_idempotency_key_is_taken_once(office: Office) -> None:
    exam = await made(office.author, PATH, EXAM)
    request = {"json": {"question": a_question()}, "headers": {"Idempotency-Key": "k"}}
    replies = [await office.author.post(f"{PATH}/{exam['id']}/questions", **request) for _ in range(2)]
    assert replies[0].json() == replies[1].json()
    assert len((await done(office.author.get(f"{PATH}/{exam['id']}")))["slots"]) == 1


async def test_a_draw_belongs_to_its_exam_and_is_not_taken_for_a_question(office: Office) -> None:
    bank = await made(office.author, "/api/v1/question-banks", {"name": "Units"})
    exam, other = await office.draft(), await office.draft()
    draw = await made(office.author, f"{PATH}/{exam['id']}/draws", {"bank_id": bank["id"], "count": 2})
    question = (await done(office.author.get(f"{PATH}/{exam['id']}")))["slots"][0]
    assert (await office.author.delete(f"{PATH}/{other['id']}/draws/{draw['id']}")).status_code == 404
    assert (await office.author.delete(f"{PATH}/{exam['id']}/draws/{question['id']}")).status_code == 404
    await done(office.author.delete(f"{PATH}/{exam['id']}/draws/{draw['id']}"))
    assert len((await done(office.author.get(f"{PATH}/{exam['id']}")))["slots"]) == 1


async def test_a_copy_has_the_content_and_nothing_of_the_occasion(office: Office) -> None:
    bank = await made(office.author, "/api/v1/question-banks", {"name": "Units"})
    await made(office.author, "/api/v1/questions", a_question(bank_id=bank["id"]))
    exam = await office.draft(a_question(), a_question("essay"), instructions="Calm.", settings={"camera": True})
    await made(office.author, f"{PATH}/{exam['id']}/draws", {"bank_id": bank["id"], "count": 1})
    schedule = {**EVERYONE, "generate_access_code": True, "closes_at": "2100-01-01T00:00:00Z"}
    await done(office.author.put(f"{PATH}/{exam['id']}/schedule", json=schedule))
    original = await done(office.author.post(f"{PATH}/{exam['id']}/publish"))

    copy = (await office.author.post(f"{PATH}/{exam['id']}/duplicate")).json()

    for name in ("title", "subject", "kind", "instructions", "settings", "total_points", "question_count"):
        assert copy[name] == original[name]
    assert [slot["question"] and slot["question"]["id"] for slot in copy["slots"]] == [
        slot["question"] and slot["question"]["id"] for slot in original["slots"]
    ]
    assert not {slot["id"] for slot in copy["slots"]} & {slot["id"] for slot in original["slots"]}
    assert (copy["status"], copy["version"]) == ("draft", 0)
    assert copy["schedule"]["audience"]["is_everyone"] is False
    assert (copy["schedule"]["access_code"], copy["schedule"]["closes_at"]) == (None, None)


async def test_exams_are_filtered_by_every_field_and_paged_newest_first(office: Office) -> None:
    await office.published(title="Mechanics 100%", kind="quiz")
    await office.draft(title="Thermo", subject="Heat")
    await office.draft(title="Mechatronics")

    async def found(**query: Any) -> list[str]:
        page = await done(office.author.get(PATH, params=query))
        assert page["total"] == len(page["items"])
        return [item["title"] for item in page["items"]]

    assert await found() == ["Mechatronics", "Thermo", "Mechanics 100%"]
    assert await found(status="published") == ["Mechanics 100%"]
    assert await found(kind="quiz") == ["Mechanics 100%"]
    assert await found(subject="heat") == ["Thermo"]
    assert await found(search="mech") == ["Mechatronics", "Mechanics 100%"]
    assert await found(search="0%") == ["Mechanics 100%"]
    page = await done(office.author.get(PATH, params={"limit": 2, "page": 2}))
    assert ([item["title"] for item in page["items"]], page["total"], page["pages"]) == (["Mechanics 100%"], 3, 2)


async def test_the_audit_log_has_old_and_new_values_of_an_exam(office: Office) -> None:
    exam = await office.draft()
    await done(office.author.patch(f"{PATH}/{exam['id']}", json={"title": "Statics"}))
    entries = [message for _, message in await office.service.recorded(AUDIT_TOPIC)]
    assert [entry.action for entry in entries] == [
        "exam_created", "question_created", "question_placed", "exam_changed",
    ]  # fmt: skip
    assert (entries[-1].old_values_json, entries[-1].new_values_json) == (
        '{"title":"Mechanics"}',
        '{"title":"Statics"}',
    )
    assert {(entry.service, entry.actor_id, entry.actor_role) for entry in entries} == {
        ("exams", str(office.author_id), "instructor")
    }
