"""Authors keep questions and banks."""

import asyncio
from typing import Any

import pytest

from chassis.audit import AUDIT_TOPIC
from chassis.ids import new_id
from services.exams.tests.builders import QUESTIONS, Office, a_question, done, made, problem, rules

PATH, BANKS = "/api/v1/questions", "/api/v1/question-banks"


@pytest.mark.parametrize("kind", QUESTIONS)
async def test_a_question_of_each_type_comes_back_as_it_was_written(office: Office, kind: str) -> None:
    body = a_question(
        kind, topic="Statics", difficulty="hard", explanation="why", image_url="https://e.org/a.png", is_required=True
    )
    question = await made(office.author, PATH, body)
    assert {name: question[name] for name in body if name not in ("options", "numeric", "points")} == {
        name: value for name, value in body.items() if name not in ("options", "numeric", "points")
    }
    assert (question["points"], question["penalty"], question["owner_id"]) == ("2.00", "0.00", str(office.author_id))
    for sent, kept in zip(body.get("options", []), question["options"], strict=True):
        assert sent.items() <= kept.items()
    assert body.get("numeric", {}).items() <= (question["numeric"] or {}).items()
    reply = await office.author.get(f"{PATH}/{question['id']}")
    assert (reply.json(), reply.headers["ETag"]) == (question, '"v1"')


@pytest.mark.parametrize("kind", ["file_upload", "code"])
async def test_types_of_a_later_release_are_refused_in_so_many_words(office: Office, kind: str) -> None:
    reply = await office.author.post(PATH, json={"type": kind, "text": "?", "points": "1"})
    assert rules(reply) == [("type", "later_release")]
    assert reply.json()["errors"][0]["message"] == f"Questions of type {kind} come with a later release."


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"type": "riddle"}, ("type", "enum")),
        ({"points": "0"}, ("points", "greater_than")),
        ({"points": "1.005"}, ("points", "decimal_max_places")),
        ({"points": "1000"}, ("points", "less_than_equal")),
        ({"points": "NaN"}, ("points", "finite_number")),
        ({"penalty": "-1"}, ("penalty", "greater_than_equal")),
        ({"text": "x" * 20_001}, ("text", "string_too_long")),
        ({"text": "nul \0"}, ("text", "string_pattern_mismatch")),
        ({"topic": "x" * 101}, ("topic", "string_too_long")),
        ({"topic": "two\nlines"}, ("topic", "string_pattern_mismatch")),
        ({"difficulty": "brutal"}, ("difficulty", "enum")),
        ({"image_url": "javascript:alert(1)"}, ("image_url", "string_pattern_mismatch")),
        ({"image_url": "https://e.org/\0"}, ("image_url", "string_pattern_mismatch")),
        ({"image_url": "http://plain.example/a.png"}, ("image_url", "string_pattern_mismatch")),
        ({"image_url": "//plain.example/a.png"}, ("image_url", "string_pattern_mismatch")),
        ({"image_url": "/media/a.png onerror"}, ("image_url", "string_pattern_mismatch")),
        ({"options": [{"text": "a", "id": str(new_id())}]}, ("options.0.id", "unknown")),
        ({"options": [{"text": "a", "credit": "x"}]}, ("options.0.credit", "decimal_parsing")),
        ({"options": [{"text": "a"}] * 51}, ("options", "too_long")),
        ({"correct_truth": True}, ("correct_truth", "not_of_this_type")),
        ({"numeric": {"value": "Infinity"}}, ("numeric.value", "finite_number")),
        ({"numeric": {"value": "1", "absolute_tolerance": "-1"}}, ("numeric.absolute_tolerance", "greater_than_equal")),
        ({"accepted_forms": [""]}, ("accepted_forms.0", "string_too_short")),
        ({"max_characters": -1}, ("max_characters", "greater_than_equal")),
        ({"surprise": 1}, ("surprise", "extra_forbidden")),
    ],
)
async def test_a_bad_field_is_named_with_its_rule_and_nothing_is_stored(
    office: Office, values: dict[str, Any], fault: tuple[str, str]
) -> None:
    assert rules(await office.author.post(PATH, json=a_question() | values)) == [fault]
    assert (await done(office.author.get(PATH)))["total"] == 0


async def test_a_change_keeps_the_ids_of_options_and_counts_the_revision(office: Office) -> None:
    question = await made(office.author, PATH, a_question())
    kept, dropped = question["options"]
    change = {"text": "Changed", "options": [{"text": "new"}, {**kept, "text": "still right"}]}

    reply = await office.author.patch(f"{PATH}/{question['id']}", json=change)

    after = await done(office.author.get(f"{PATH}/{question['id']}"))
    assert (after, reply.headers["ETag"]) == (reply.json(), '"v2"')
    assert [option["text"] for option in after["options"]] == ["new", "still right"]
    assert after["options"][1]["id"] == kept["id"]
    assert after["options"][0]["id"] not in (kept["id"], dropped["id"])
    assert {name: after[name] for name in ("points", "type", "created_at")} == {
        name: question[name] for name in ("points", "type", "created_at")
    }


async def test_a_change_that_breaks_a_rule_changes_nothing(office: Office) -> None:
    question = await made(office.author, PATH, a_question())
    path, option = f"{PATH}/{question['id']}", question["options"][0]
    for change, fault in (
        ({"options": [option, option]}, ("options.0.id", "unknown")),
        ({"rubric": "of essays"}, ("rubric", "not_of_this_type")),
        ({"type": "essay"}, ("type", "extra_forbidden")),
        ({"points": None}, ("points", "decimal_type")),
    ):
        assert fault in rules(await office.author.patch(path, json=change))
    assert await done(office.author.get(path)) == question


async def test_of_two_who_change_what_they_both_read_the_second_is_told(office: Office) -> None:
    question = await made(office.author, PATH, a_question())
    path, headers = f"{PATH}/{question['id']}", {"If-Match": '"v1"'}
    replies = await asyncio.gather(
        *(office.author.patch(path, json={"text": name}, headers=headers) for name in ("one", "two"))
    )
    assert sorted(reply.status_code for reply in replies) == [200, 412]
    won = next(reply for reply in replies if reply.status_code == 200)
    assert await done(office.author.get(path)) == won.json()


async def test_questions_are_filtered_by_every_field_and_paged_newest_first(office: Office) -> None:
    bank = await made(office.author, BANKS, {"name": "Units"})
    values: list[dict[str, Any]] = [
        {"text": "Alpha 50% of", "topic": "SI", "difficulty": "easy", "bank_id": bank["id"]},
        {"text": "Beta", "topic": "SI", "difficulty": "hard"},
        {"text": "Gamma", "topic": "Forces"},
    ]
    questions = [await made(office.author, PATH, a_question(**each)) for each in values]
    questions.append(await made(office.author, PATH, a_question("essay", text="alphabet")))

    async def found(**query: Any) -> list[str]:
        page = await done(office.author.get(PATH, params=query))
        assert page["total"] == len(page["items"])
        return [item["text"] for item in page["items"]]

    assert await found() == ["alphabet", "Gamma", "Beta", "Alpha 50% of"]
    assert await found(type="essay") == ["alphabet"]
    assert await found(topic="SI") == ["Beta", "Alpha 50% of"]
    assert await found(topic="SI", difficulty="hard") == ["Beta"]
    assert await found(bank_id=bank["id"]) == ["Alpha 50% of"]
    assert await found(search="alpha") == ["alphabet", "Alpha 50% of"]
    assert await found(search="0%") == ["Alpha 50% of"]
    page = await done(office.author.get(PATH, params={"page": 2, "limit": 3}))
    assert ([item["id"] for item in page["items"]], page["total"], page["pages"]) == ([questions[0]["id"]], 4, 2)


async def test_a_question_repeated_with_its_idempotency_key_is_written_once(office: Office) -> None:
    headers = {"Idempotency-Key": "q"}
    first, second = [await office.author.post(PATH, json=a_question(), headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    assert (await done(office.author.get(PATH)))["total"] == 1
    other = await office.author.post(PATH, json=a_question("essay"), headers=headers)
    assert rules(other) == [("Idempotency-Key", "reused")]


async def test_a_question_in_a_draft_is_not_deleted_and_a_free_one_is(office: Office) -> None:
    exam = await office.draft(a_question())
    question = (await done(office.author.get(f"/api/v1/exams/{exam['id']}")))["slots"][0]["question"]
    path = f"{PATH}/{question['id']}"
    assert problem(await office.author.delete(path)) == (409, "still-used")
    await done(office.author.delete(f"/api/v1/exams/{exam['id']}/questions/{question['id']}"))
    await done(office.author.delete(path))
    assert (await office.author.get(path)).status_code == 404


async def test_the_audit_log_tells_which_fields_of_a_question_changed_and_no_key(office: Office) -> None:
    question = await made(office.author, PATH, a_question("short_answer", accepted_forms=["zanzibar"]))
    await done(office.author.patch(f"{PATH}/{question['id']}", json={"accepted_forms": ["zanzibari"], "text": "?!"}))
    entries = [message for _, message in await office.service.recorded(AUDIT_TOPIC)]
    assert [entry.action for entry in entries] == ["question_created", "question_changed"]
    assert '"fields":["accepted_forms","text"]' in entries[1].new_values_json
    assert all("zanzibar" not in str(entry) for entry in entries)


async def test_banks_are_kept_listed_with_their_size_and_named_once_for_each_author(office: Office) -> None:
    bank = await made(office.author, BANKS, {"name": "Units", "description": "SI", "subject": "Physics"})
    await made(office.author, BANKS, {"name": "Signals"})
    await made(office.author, PATH, a_question(bank_id=bank["id"]))
    assert rules(await office.author.post(BANKS, json={"name": "UNITS"})) == [("name", "taken")]
    other = office.service.as_("instructor")
    await made(other, BANKS, {"name": "Units"})

    page = await done(office.author.get(BANKS))
    assert [(item["name"], item["question_count"]) for item in page["items"]] == [("Signals", 0), ("Units", 1)]
    assert [item["name"] for item in (await done(office.author.get(BANKS, params={"search": "unit"})))["items"]] == [
        "Units"
    ]
    path = f"{BANKS}/{bank['id']}"
    changed = await done(office.author.patch(path, json={"name": "Measures"}, headers={"If-Match": '"v1"'}))
    assert (changed["name"], changed["description"], changed["revision"]) == ("Measures", "SI", 2)
    assert problem(await office.author.patch(path, json={"name": "X"}, headers={"If-Match": '"v1"'}))[0] == 412
    assert rules(await office.author.patch(path, json={"name": "signals"})) == [("name", "taken")]


async def test_a_bank_that_is_used_is_not_deleted(office: Office) -> None:
    bank = await made(office.author, BANKS, {"name": "Units"})
    path = f"{BANKS}/{bank['id']}"
    question = await made(office.author, PATH, a_question(bank_id=bank["id"]))
    exam = await office.draft()
    draw = await made(office.author, f"/api/v1/exams/{exam['id']}/draws", {"bank_id": bank["id"], "count": 1})

    assert problem(await office.author.delete(path)) == (409, "still-used")
    await done(office.author.patch(f"{PATH}/{question['id']}", json={"bank_id": None}))
    assert problem(await office.author.delete(path)) == (409, "still-used")
    await done(office.author.delete(f"/api/v1/exams/{exam['id']}/draws/{draw['id']}"))
    await done(office.author.delete(path))
    assert (await office.author.get(path)).status_code == 404


async def test_an_administrator_puts_no_question_into_the_bank_of_another_author(office: Office) -> None:
    question = await made(office.author, PATH, a_question())
    exam = await office.draft()
    own = await made(office.author, BANKS, {"name": "Units"})
    other = await made(office.service.as_("instructor"), BANKS, {"name": "Forces"})
    path, places = f"{PATH}/{question['id']}", f"/api/v1/exams/{exam['id']}/questions"
    for refused in (
        await office.admin.patch(path, json={"bank_id": other["id"]}),
        await office.admin.post(places, json={"question": a_question(bank_id=other["id"])}),
    ):
        assert rules(refused) == [("bank_id", "other_author")]
    assert (await done(office.admin.patch(path, json={"bank_id": own["id"]})))["bank_id"] == own["id"]
    await made(office.admin, places, {"question": a_question(bank_id=own["id"])})
    assert (await done(office.author.get(f"{BANKS}/{own['id']}")))["question_count"] == 2


async def test_a_question_can_be_put_only_into_ones_own_bank(office: Office) -> None:
    foreign = await made(office.service.as_("instructor"), BANKS, {"name": "Units"})
    assert (await office.author.post(PATH, json=a_question(bank_id=foreign["id"]))).status_code == 404
    question = await made(office.author, PATH, a_question())
    change = await office.author.patch(f"{PATH}/{question['id']}", json={"bank_id": foreign["id"]})
    assert change.status_code == 404
    assert (await done(office.author.get(f"{PATH}/{question['id']}")))["bank_id"] is None


@pytest.mark.parametrize("path", [PATH, BANKS, "/api/v1/exams"])
async def test_a_search_for_what_no_text_can_hold_is_refused_and_no_failure(office: Office, path: str) -> None:
    assert rules(await office.author.get(path, params={"search": "\0"})) == [("search", "string_pattern_mismatch")]
