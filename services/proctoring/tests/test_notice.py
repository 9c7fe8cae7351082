"""The notice before the start: everything that is collected stands in it, and nothing else is collected."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from proto.examhall.proctoring.v1 import signals_pb2 as heard
from services.proctoring.notice import NOTES, notice_of
from services.proctoring.settings import Settings
from services.proctoring.signals import DERIVED_KINDS, ExamRules, SignalKind, is_collected, is_violation
from services.proctoring.tests.desk import API, Desk

any_rules = st.builds(
    ExamRules,
    proctoring=st.booleans(),
    camera=st.booleans(),
    browser_lockdown=st.booleans(),
    tab_switch_allowed=st.booleans(),
    copy_paste_allowed=st.booleans(),
    sensitivity=st.sampled_from(["low", "medium", "high"]),
    violation_limit=st.integers(0, 20),
)


@given(any_rules)
def test_the_notice_names_exactly_what_the_exam_collects_and_what_counts(rules: ExamRules) -> None:
    notice = notice_of(new_id(), rules, Settings())
    assert {row.kind for row in notice.collected} == {kind for kind in SignalKind if is_collected(kind, rules)}
    assert {row.kind for row in notice.collected if row.is_violation} == {kind for kind in SignalKind if is_violation(kind, rules)}  # fmt: skip
    assert all(row.what and row.why for row in notice.collected)
    assert not any(row.is_allowed and row.is_violation for row in notice.collected)
    assert bool(notice.collected) == notice.is_proctored == rules.proctoring


@pytest.mark.parametrize("kind", SignalKind)
def test_every_kind_carries_what_the_contract_has_and_the_notice_says(kind: SignalKind) -> None:
    if kind in DERIVED_KINDS:
        assert NOTES[kind].carries == ()
        return
    carried = heard.Signal.DESCRIPTOR.fields_by_name[kind.value].message_type.fields
    assert NOTES[kind].carries == tuple(field.name for field in carried)


def test_what_shows_more_of_a_person_is_kept_shorter() -> None:
    rules, settings = ExamRules(camera=True), Settings(signals_kept_days=60, movement_signals_kept_days=20)
    kept = {row.kind: row.kept_days for row in notice_of(new_id(), rules, settings).collected}
    assert (kept[SignalKind.TAB_SWITCH], kept[SignalKind.KEYSTROKES], kept[SignalKind.FACE_ABSENT]) == (60, 20, 30)
    assert kept[SignalKind.RAPID_ANSWERS] is None


async def test_a_student_reads_the_notice_before_the_start(desk: Desk) -> None:
    exam = await desk.exam(ExamRules(violation_limit=3, copy_paste_allowed=True))
    notice = (await desk.service.as_("student").get(f"{API}/notice/{exam.id}")).json()
    assert (notice["is_proctored"], notice["uses_camera"], notice["violation_limit"]) == (True, False, 3)
    rows = {row["kind"]: row for row in notice["collected"]}
    assert rows["tab_switch"]["is_violation"] is True
    assert (rows["paste_attempt"]["is_allowed"], rows["paste_attempt"]["carries"]) == (True, ["characters"])
    assert rows["ip_change"]["found_by"] == "server"
    assert "3 violations" in notice["limit_text"]
    assert any("which keys" in line for line in notice["never_collected"])
    assert not re.search(exam.title, str(notice))


async def test_an_exam_without_proctoring_collects_nothing_and_says_so(desk: Desk) -> None:
    exam = await desk.exam(ExamRules(proctoring=False, camera=True, violation_limit=3), watched=None)
    notice = (await desk.service.as_("student").get(f"{API}/notice/{exam.id}")).json()
    assert (notice["is_proctored"], notice["uses_camera"], notice["collected"], notice["violation_limit"]) == (False, False, [], 0)  # fmt: skip


async def test_a_notice_is_not_given_of_an_exam_whose_rules_are_not_known(desk: Desk) -> None:
    client = desk.service.as_("student")
    assert (await client.get(f"{API}/notice/{new_id()}")).status_code == 404
    exam = await desk.exam(rules=None)
    async with desk.service.database.session() as tx:
        (await tx.get(type(exam), exam.id)).rules = None
    assert (await client.get(f"{API}/notice/{exam.id}")).status_code == 503
