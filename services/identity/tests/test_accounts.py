"""Registering, claiming, and a forgotten password."""

import asyncio
import re

import pytest
from sqlmodel import col, delete, select

from chassis.testing import eventually
from services.identity.accounts import claim_code_hash, first_admin, new_claim_code
from services.identity.tables import Mail, Person, ResetCode
from services.identity.tests.builders import PASSWORD, School, a_school

REGISTER, CLAIM = "/api/v1/auth/register", "/api/v1/auth/claim-account"
FORGOT, VERIFY, RESET = "/api/v1/auth/forgot-password", "/api/v1/auth/verify-reset-code", "/api/v1/auth/reset-password"


async def a_registration(school: School, **values: object) -> dict[str, object]:
    specialization = (await school.http.get("/api/v1/specializations")).json()[0]
    return {
        "name": "Grace Mbeki", "email": "grace@example.org", "password": "a good long one",
        "specialization_id": specialization["id"], **values,
    }  # fmt: skip


async def test_there_are_the_17_specializations_with_codes_of_two_or_three_letters(school: School) -> None:
    found = (await school.http.get("/api/v1/specializations")).json()
    assert len(found) == 17
    assert len({one["code"] for one in found}) == 17
    assert all(re.fullmatch("[A-Z]{2,3}", one["code"]) for one in found)
    assert found[0]["name"] == "Aeronautical Engineering"
    assert found[-1]["name"] == "Telecommunication Engineering"


async def test_a_student_registers_and_signs_in(school: School) -> None:
    made = await school.http.post(REGISTER, json=await a_registration(school))
    assert made.status_code == 201
    assert made.json()["role"] == "student"
    login = {"login": "grace@example.org", "password": "a good long one"}
    assert (await school.http.post("/api/v1/auth/login", json=login)).status_code == 200
    [(kind, event)] = await school.service.recorded("identity.people.v1")
    assert (kind, event.person.name, event.person.role) == ("PersonRegistered", "Grace Mbeki", "student")


@pytest.mark.parametrize(
    ("email", "kept"),
    [("Grace@xn--exmple-cua.org", "grace@exämple.org"), ("Zoe\u0308@Example.org", "zoë@example.org")],
)
async def test_an_address_signs_in_as_it_was_given(school: School, email: str, kept: str) -> None:
    made = await school.http.post(REGISTER, json=await a_registration(school, email=email))
    assert made.json()["email"] == kept
    for login in (email, kept, kept.upper()):
        reply = await school.http.post("/api/v1/auth/login", json={"login": login, "password": "a good long one"})
        assert reply.status_code == 200, login


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": "admin"}, "role"),
        ({"centre_id": "01890000-0000-7000-8000-000000000000"}, "centre_id"),
        ({"is_active": True}, "is_active"),
        ({"extra_time_percent": 100}, "extra_time_percent"),
        ({"specialization_id": None}, "specialization_id"),
        ({"specialization_id": "01890000-0000-7000-8000-000000000000"}, "specialization_id"),
        ({"email": "not an address"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "password1234"}, "password"),
        ({"password": "grace@example.org"}, "password"),
        ({"name": "<script>"}, "name"),
    ],
)
async def test_a_registration_that_breaks_a_rule_names_the_field_and_makes_nobody(
    school: School, change: dict[str, object], field: str
) -> None:
    reply = await school.http.post(REGISTER, json=await a_registration(school, **change))
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == [field]
    assert "short" not in reply.text.replace("string_too_short", "")
    assert await school.service.recorded("identity.people.v1") == []


async def test_an_address_has_one_account_whatever_its_case_and_however_many_ask_at_once(school: School) -> None:
    bodies = [await a_registration(school, email=email) for email in ("g@example.org", "G@Example.org") * 4]
    replies = await asyncio.gather(*(school.http.post(REGISTER, json=body) for body in bodies))
    assert sorted(reply.status_code for reply in replies) == [201] + [422] * 7


async def test_self_registration_can_be_switched_off(postgres_url: str, kafka: str, tmp_path: object) -> None:
    async with a_school(postgres_url, kafka, tmp_path, self_registration=False) as school:  # type: ignore[arg-type]
        assert (await school.http.post(REGISTER, json=await a_registration(school))).status_code == 403


async def test_a_premade_account_is_claimed_with_its_code_once(school: School) -> None:
    admin = await school.as_(await school.person("admin"))
    school_class = await school.school_class()
    made = await admin.post(
        "/api/v1/students",
        json={"name": "Lin Wei", "registration_number": "STU-77", "class_id": str(school_class.id)},
    )
    assert made.status_code == 201
    code = made.json()["claim_code"]
    assert made.json()["student"]["is_claimed"] is False
    body = {"registration_number": "stu-77", "claim_code": code.lower(), "password": "a good long one"}
    assert (await school.http.post(CLAIM, json={**body, "claim_code": "WRONGCODE1"})).status_code == 401
    assert (await school.http.post(CLAIM, json=body)).json()["is_claimed"] is True
    assert (await school.http.post(CLAIM, json=body)).status_code == 401
    login = {"login": "STU-77", "password": "a good long one"}
    assert (await school.http.post("/api/v1/auth/login", json=login)).status_code == 200


async def test_claim_codes_cannot_be_guessed_at_length(school: School) -> None:
    await school.person(email=None, registration_number="STU-78", password_hash=None, claim_code_hash="x")
    body = {"registration_number": "STU-78", "claim_code": "AAAAAAAAAA", "password": "a good long one"}
    statuses = [(await school.http.post(CLAIM, json=body)).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


async def test_a_password_that_is_refused_is_no_wrong_claim_code(school: School) -> None:
    code = new_claim_code()
    unclaimed = {"email": None, "password_hash": None, "claim_code_hash": claim_code_hash(code)}
    await school.person(name="Wilhelmina", registration_number="STU-79", **unclaimed)
    body = {"registration_number": "STU-79", "claim_code": code}
    for password in ("short", "STU-79-STU-79"[:6], "password1234", "Wilhelmina", "wilhelmina", "WILHELMINA"):
        assert (await school.http.post(CLAIM, json={**body, "password": password})).status_code == 422
    # What the account is called is told to nobody who only guesses.
    guess = {**body, "claim_code": "WRONGCODE1", "password": "Wilhelmina"}
    assert (await school.http.post(CLAIM, json=guess)).status_code == 401
    assert (await school.http.post(CLAIM, json={**body, "password": "a good long one"})).status_code == 200


async def ask_for_code(school: School, email: str) -> str:
    before = len(school.mails())
    assert (await school.http.post(FORGOT, json={"email": email})).status_code == 202
    await eventually(lambda: len(school.mails()) > before)
    found = re.search(r"is (\d{6})\.", school.mails()[-1])
    assert found is not None
    return found[1]


async def test_a_forgotten_password_is_set_anew_by_code_and_every_session_ends(school: School) -> None:
    person = await school.person()
    client = await school.as_(person)
    code = await ask_for_code(school, str(person.email))
    verified = await school.http.post(VERIFY, json={"email": person.email, "code": code})
    assert verified.status_code == 200
    token = verified.json()["reset_token"]
    assert (await school.http.post(VERIFY, json={"email": person.email, "code": code})).status_code == 401
    body = {"reset_token": token, "new_password": "another good one"}
    assert (await school.http.post(RESET, json={**body, "new_password": "short"})).status_code == 422
    assert (await school.http.post(RESET, json=body)).status_code == 200
    assert (await school.http.post(RESET, json=body)).status_code == 401
    assert (await client.get("/api/v1/auth/me")).status_code == 401
    assert (await school.log_in(person, PASSWORD)).status_code == 401
    assert (await school.log_in(person, "another good one")).status_code == 200


async def test_a_mail_address_without_account_gets_the_same_answer_and_no_mail(school: School) -> None:
    person = await school.person()
    known = await school.http.post(FORGOT, json={"email": person.email})
    unknown = await school.http.post(FORGOT, json={"email": "nobody@example.org"})
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    await eventually(lambda: len(school.mails()) == 1)


async def test_five_wrong_codes_end_a_code(school: School) -> None:
    person = await school.person()
    code = await ask_for_code(school, str(person.email))
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(5):
        assert (await school.http.post(VERIFY, json={"email": person.email, "code": wrong})).status_code == 401
    assert (await school.http.post(VERIFY, json={"email": person.email, "code": code})).status_code == 401


async def test_a_new_code_ends_the_old_one_and_a_code_ends_by_itself(school: School) -> None:
    person = await school.person()
    old = await ask_for_code(school, str(person.email))
    new = await ask_for_code(school, str(person.email))
    if old != new:
        assert (await school.http.post(VERIFY, json={"email": person.email, "code": old})).status_code == 401
    async with school.service.database.session() as tx:
        stored = (await tx.execute(select(ResetCode))).scalars().one()
        stored.expires_at = stored.expires_at.replace(year=2020)
    assert (await school.http.post(VERIFY, json={"email": person.email, "code": new})).status_code == 401


async def test_an_account_gets_five_codes_an_hour(school: School) -> None:
    person = await school.person()
    for _ in range(7):
        assert (await school.http.post(FORGOT, json={"email": person.email})).status_code == 202

    async def is_all_sent() -> bool:
        async with school.service.database.session() as tx:
            is_none_left = not (await tx.execute(select(Mail))).scalars().all()
        return is_none_left and len(school.mails()) >= 5

    await eventually(is_all_sent)
    assert len(school.mails()) == 5


async def test_changing_the_password_asks_for_the_old_one_and_ends_other_sessions(school: School) -> None:
    person = await school.person()
    here, there = await school.as_(person), await school.as_(person)
    body = {"current_password": "wrong", "new_password": "another good one"}
    refused = await here.post("/api/v1/auth/change-password", json=body)
    assert refused.json()["errors"][0]["field"] == "current_password"
    assert (
        await here.post("/api/v1/auth/change-password", json={**body, "current_password": PASSWORD})
    ).status_code == 200
    assert (await here.get("/api/v1/auth/me")).status_code == 200
    assert (await there.get("/api/v1/auth/me")).status_code == 401


async def test_another_address_needs_the_password_so_that_a_token_does_not_become_an_account(school: School) -> None:
    person = await school.person()
    client = await school.as_(person)
    path, thief = "/api/v1/auth/me", "thief@example.org"
    for given, rule in (({}, "required"), ({"current_password": "a guess at it"}, "wrong")):
        refused = await client.patch(path, json={"email": thief, **given})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "current_password")
        assert refused.json()["errors"][0]["rule"] == rule
    assert (await client.get(path)).json()["email"] == person.email
    assert (await client.patch(path, json={"email": person.email, "name": "Ada O."})).json()["name"] == "Ada O."
    changed = await client.patch(path, json={"email": "ada@example.org", "current_password": PASSWORD})
    assert changed.json()["email"] == "ada@example.org"


async def test_who_holds_a_token_can_not_find_out_the_password_by_trying(school: School) -> None:
    person = await school.person()
    client = await school.as_(person)
    path, new = "/api/v1/auth/change-password", "another good one"
    # A new password that is refused is no wrong password.
    for _ in range(6):
        refused = await client.post(path, json={"current_password": PASSWORD, "new_password": "short"})
        assert refused.json()["errors"][0]["field"] == "new_password"
    guesses = [{"current_password": f"guess {number}", "new_password": new} for number in range(8)]
    replies = await asyncio.gather(*(client.post(path, json=guess) for guess in guesses))
    assert sorted(reply.status_code for reply in replies) == [422] * 5 + [429] * 3
    assert (await client.post(path, json={"current_password": PASSWORD, "new_password": new})).status_code == 429
    assert (await school.log_in(person)).status_code == 200


async def test_the_first_administrator_comes_from_the_settings(postgres_url: str, kafka: str, tmp_path: object) -> None:
    settings = {"admin_email": "root@example.org", "admin_password": "the first of all"}
    async with a_school(postgres_url, kafka, tmp_path, **settings) as school:  # type: ignore[arg-type]
        login = {"login": "root@example.org", "password": "the first of all"}
        reply = await school.http.post("/api/v1/auth/login", json=login)
        assert reply.json()["user"]["role"] == "admin"


async def test_replicas_that_start_together_make_one_first_administrator(school: School) -> None:
    async def start() -> None:
        async with school.service.database.session() as tx:
            await first_admin(tx, "root@example.org", "the first of all")

    async with school.service.database.session() as tx:
        await tx.execute(delete(Person).where(col(Person.role) == "admin"))
    await asyncio.gather(*(start() for _ in range(3)))
    async with school.service.database.session() as tx:
        made = (await tx.execute(select(Person).where(Person.role == "admin"))).scalars().all()
    assert [person.email for person in made] == ["root@example.org"]
