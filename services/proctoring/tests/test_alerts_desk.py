"""What staff do with alerts: one effect whoever comes first, told to all who watch, kept with its reason."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from chassis.outbox import timestamp
from chassis.testing import eventually
from proto.examhall.proctoring.v1.events_pb2 import Alert as AlertMessage
from proto.examhall.proctoring.v1.events_pb2 import AlertRaised, AlertSettled
from services.proctoring.settling import has_grown, may_become
from services.proctoring.tables import ALERT_STATUSES, Alert, Baseline
from services.proctoring.tests.desk import API, Desk, minutes

status = st.sampled_from(ALERT_STATUSES)


@given(status, status, status)
def test_what_became_of_an_alert_never_goes_back(first: str, second: str, third: str) -> None:
    for grown in (False, True):
        assert not may_become(first, "open", has_grown=grown)
        if may_become(first, second, has_grown=False) and may_become(second, third, has_grown=False):
            assert may_become(first, third, has_grown=False)
            assert third != first
    assert not may_become(first, first, has_grown=False)


@given(st.integers(1, 50), st.integers(0, 50))
def test_an_alert_has_grown_only_after_somebody_dealt_with_it(revision: int, settled: int) -> None:
    assert has_grown(revision, settled) == (settled > 0 and revision > settled)


async def test_an_alert_is_acknowledged_then_resolved_with_its_reason(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    alert = await desk.alert(attempt)
    client, path = desk.proctor(exam), f"{API}/alerts/{alert.id}"

    read = await client.get(path)
    assert read.headers["ETag"] == '"v1"'
    assert read.json()["evidence"] == [{"at": alert.at.isoformat().replace("+00:00", "Z"), "source": "signal", "reference": "1.1"}]  # fmt: skip
    seen = await client.post(f"{path}/acknowledge", headers={"If-Match": '"v1"'})
    assert (seen.status_code, seen.headers["ETag"], seen.json()["status"]) == (200, '"v2"', "acknowledged")
    settled = await client.post(f"{path}/resolve", json={"reason": "talked to her"}, headers={"If-Match": '"v2"'})
    shown = settled.json()
    assert (shown["status"], shown["reason"], shown["version"]) == ("resolved", "talked to her", 3)
    assert shown["settled_by"] == str(exam.proctor_ids[0])
    assert shown["grown_since"] is False
    assert shown["student_name"] == "Ada Lovelace"

    events = await desk.events("proctoring.reviews.v1")
    assert [(event.status, event.reason) for event in events] == [("acknowledged", ""), ("resolved", "talked to her")]
    assert isinstance(events[0], AlertSettled)
    assert events[1].alert_id == str(alert.id)
    told = await desk.told_of(exam, "alert")
    assert [body["alert"]["status"] for body in told] == ["acknowledged", "resolved"]
    assert told[1]["alert"] == (await client.get(path)).json()
    assert await desk.audited() == ["alert_acknowledged", "alert_resolved"]


async def test_of_many_who_settle_at_once_one_does(desk: Desk) -> None:
    exam = await desk.exam()
    alert = await desk.alert(await desk.attempt(exam))
    path = f"{API}/alerts/{alert.id}"
    calls = [
        client.post(f"{path}/{step}", json={"reason": f"by number {number}"})
        for number, (client, step) in enumerate(
            [(desk.proctor(exam), "resolve"), (desk.instructor(exam), "dismiss")] * 4
        )
    ]
    replies = await asyncio.gather(*calls)
    assert sorted(reply.status_code for reply in replies) == [200] + [409] * 7
    won = next(reply.json() for reply in replies if reply.status_code == 200)
    stored = await desk.row(Alert, alert.id)
    assert (stored.status, stored.reason, stored.version) == (won["status"], won["reason"], 2)
    assert len(await desk.events("proctoring.reviews.v1")) == 1
    assert len(await desk.told_of(exam, "alert")) == 1
    assert len(await desk.audited()) == 1


async def test_a_change_on_a_stale_version_is_refused_and_changes_nothing(desk: Desk) -> None:
    exam = await desk.exam()
    alert = await desk.alert(await desk.attempt(exam))
    client, path = desk.proctor(exam), f"{API}/alerts/{alert.id}"
    await client.post(f"{path}/acknowledge")
    stale = await client.post(f"{path}/dismiss", json={"reason": "a slip"}, headers={"If-Match": '"v1"'})
    assert (stale.status_code, stale.json()["current_etag"]) == (412, '"v2"')
    assert (await desk.row(Alert, alert.id)).status == "acknowledged"


@pytest.mark.parametrize("step", ["resolve", "dismiss"])
async def test_settling_needs_a_reason(desk: Desk, step: str) -> None:
    exam = await desk.exam()
    alert = await desk.alert(await desk.attempt(exam))
    client, path = desk.proctor(exam), f"{API}/alerts/{alert.id}/{step}"
    for wrong in ({}, {"reason": ""}, {"reason": "   "}, {"reason": "x" * 2001}, {"reason": "r", "status": "open"}):
        assert (await client.post(path, json=wrong)).status_code == 422, wrong
    assert (await desk.row(Alert, alert.id)).version == 1


async def test_a_settled_alert_that_grows_stays_settled_says_so_and_can_be_settled_anew(desk: Desk) -> None:
    exam = await desk.exam()
    alert = await desk.alert(await desk.attempt(exam), revision=3)
    client, path = desk.proctor(exam), f"{API}/alerts/{alert.id}"
    await client.post(f"{path}/dismiss", json={"reason": "a slip"})
    again = await client.post(f"{path}/resolve", json={"reason": "no"})
    assert (again.status_code, again.json()["current_status"]) == (409, "dismissed")
    async with desk.service.database.session() as tx:
        (await tx.get(Alert, alert.id)).revision = 4
    grown = (await client.get(path)).json()
    assert (grown["status"], grown["grown_since"]) == ("dismissed", True)
    anew = await client.post(f"{path}/resolve", json={"reason": "it went on"})
    assert (anew.status_code, anew.json()["grown_since"], anew.json()["status"]) == (200, False, "resolved")
    assert (await client.post(f"{path}/acknowledge")).status_code == 409


async def test_what_was_observed_while_an_alert_was_being_dismissed_is_not_dismissed_with_it(desk: Desk) -> None:
    exam = await desk.exam()
    alert = await desk.alert(await desk.attempt(exam), revision=2, kind="risk", severity="high")
    client, path = desk.proctor(exam), f"{API}/alerts/{alert.id}"
    read = await client.get(path)
    async with desk.service.database.session() as tx:
        grown = await tx.get(Alert, alert.id)
        grown.revision, grown.severity = 3, "critical"
    body = {"reason": "a slip", "revision": read.json()["revision"]}
    shown = (await client.post(f"{path}/dismiss", json=body, headers={"If-Match": read.headers["ETag"]})).json()
    assert (shown["status"], shown["severity"], shown["grown_since"]) == ("dismissed", "critical", True)
    anew = await client.post(f"{path}/resolve", json={"reason": "looked again", "revision": 99})
    assert (anew.status_code, anew.json()["grown_since"]) == (200, False)
    assert (await client.post(f"{path}/resolve", json={"reason": "r", "revision": 0})).status_code == 422


async def test_alerts_are_listed_newest_first_and_by_what_is_asked(desk: Desk) -> None:
    exam = await desk.exam()
    ada, bo = await desk.attempt(exam), await desk.attempt(exam, "Bo")
    first = await desk.alert(ada, at=minutes(1), severity="high", kind="devtools_open")
    second = await desk.alert(bo, at=minutes(2), status="resolved")
    third = await desk.alert(ada, at=minutes(3))
    client = desk.proctor(exam)

    async def ids(**wanted: object) -> list[str]:
        return [
            row["alert_id"]
            for row in (await client.get(f"{API}/exams/{exam.id}/alerts", params=wanted)).json()["items"]
        ]

    assert await ids() == [str(alert.id) for alert in (third, second, first)]
    assert await ids(status="open") == [str(third.id), str(first.id)]
    assert await ids(severity="high") == await ids(kind="devtools_open") == [str(first.id)]
    assert await ids(attempt_id=str(bo.id)) == [str(second.id)]
    page = (await client.get(f"{API}/exams/{exam.id}/alerts", params={"page": 2, "limit": 2})).json()
    assert (page["total"], page["pages"], [row["alert_id"] for row in page["items"]]) == (3, 2, [str(first.id)])
    for strange in ({"status": "lost"}, {"kind": "tab\0switch"}):
        assert (await client.get(f"{API}/exams/{exam.id}/alerts", params=strange)).status_code == 422


async def test_an_attempt_whose_grave_alert_was_a_mistake_is_a_measure_of_its_student_again(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.over(exam)
    alert = await desk.alert(attempt, severity="high")
    reply = await desk.proctor(exam).post(f"{API}/alerts/{alert.id}/dismiss", json={"reason": "a shared computer"})
    assert reply.status_code == 200
    assert (await desk.row(Baseline, attempt.student_id)).version == 1


async def test_an_alert_that_the_stream_tells_again_keeps_what_people_did_with_it(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    told = AlertMessage(
        alert_id=str(new_id()), attempt_id=str(attempt.id), exam_id=str(exam.id), student_id=str(attempt.student_id), kind="devtools_open",
        severity="high", at=timestamp(minutes(3)), text="Developer tools seemed open.", count=1, revision=1,
    )  # fmt: skip
    client, path = desk.proctor(exam), f"{API}/alerts/{told.alert_id}"

    async def told_at(revision: int) -> dict[str, object]:
        told.revision = revision
        await desk.service.publish("proctoring.alerts.v1", attempt.id, AlertRaised(alert=told))

        async def is_there() -> object:
            shown = (await client.get(path)).json()
            return shown if shown.get("revision") == revision else None

        return await eventually(is_there)  # type: ignore[no-any-return]

    assert (await told_at(1))["status"] == "open"
    await client.post(f"{path}/dismiss", json={"reason": "a side bar"})
    grown = await told_at(2)
    assert (grown["status"], grown["reason"], grown["grown_since"]) == ("dismissed", "a side bar", True)
    seen = [(body["alert"]["revision"], body["alert"]["status"]) for body in await desk.told_of(exam, "alert")]
    assert seen == [(1, "open"), (1, "dismissed"), (2, "dismissed")]
