"""Why an attempt is assessed as it is: every number unfolds down to the signals that made it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from services.proctoring.assessing import assessed
from services.proctoring.baselines import Comparison, Figure, Norm, Source
from services.proctoring.messages import risk_assessed
from services.proctoring.retention import thinned
from services.proctoring.signals import (
    CopyAttempt,
    DevtoolsOpen,
    ExamRules,
    FocusLost,
    FocusRegained,
    Keystrokes,
    MultipleWindows,
    PasteAttempt,
    SignalKind,
    TabSwitch,
    is_violation,
)
from services.proctoring.state import Watch, WatchBegan, fold
from services.proctoring.tables import Attempt, Exam, SignalBatch
from services.proctoring.tests.builders import IDS, answers_kept, at, mouse, signals_taken, typing, watched
from services.proctoring.tests.desk import API, Desk

RULES = ExamRules(browser_lockdown=True)
BATCHES = {
    1: [TabSwitch(at=at(10 + n), question_id="q1") for n in range(12)],
    2: [DevtoolsOpen(at=at(60)), PasteAttempt(at=at(61), characters=250), MultipleWindows(at=at(62), windows=3)],
    3: [Keystrokes(at=at(90), window_milliseconds=5000, strokes=9, typing_milliseconds=4000, dwell_milliseconds=800, flight_milliseconds=900)],
    4: [DevtoolsOpen(at=at(120)), CopyAttempt(at=at(121), characters=40)],
    5: [
        *(typing(150 + n, wpm=30 + n, strokes=40) for n in range(3)),
        *(mouse(153 + n, pixels_a_second=200 + n) for n in range(3)),
        *(FocusRegained(at=at(200 + 50 * n), away_milliseconds=20_000 + n) for n in range(3)),
        FocusLost(at=at(390)),
    ],
}  # fmt: skip


def watch_of_batches() -> Watch:
    """What the stream would make of the batches, and of a few quick answers."""
    figures = (Figure.TYPING_WPM, Figure.MOUSE_SPEED_PXS, Figure.SECONDS_PER_QUESTION)
    usual = {figure: Norm(Decimal(500), Decimal(1), 9, Source.OWN) for figure in figures}
    watch = fold(watched(rules=RULES), WatchBegan(**IDS, revision=2, rules=RULES, comparison=Comparison(norms=usual)))
    for number, signals in BATCHES.items():
        watch = fold(watch, signals_taken(number, *signals))
    for number, seconds in enumerate((130, 160, 162, 180, 400)):
        watch = fold(watch, answers_kept(seconds, (f"q{number}", 1, 5)))
    return watch


async def an_assessed_attempt(desk: Desk) -> tuple[Exam, Attempt]:
    assessment = assessed(watch_of_batches())
    assert assessment is not None
    exam = await desk.exam(RULES)
    attempt = await desk.attempt(
        exam, assessment=risk_assessed(assessment).SerializeToString(), level=assessment.level.value,
        behaviour_score=assessment.behaviour.score, risk_score=assessment.risk.score, violations=len(assessment.violations),
    )  # fmt: skip
    for number, signals in BATCHES.items():
        await desk.batch(attempt, number, *signals)
    return exam, attempt


async def test_every_reason_and_component_is_there_with_words_and_evidence(desk: Desk) -> None:
    exam, attempt = await an_assessed_attempt(desk)
    alert = await desk.alert(attempt)
    reply = await desk.proctor(exam).get(f"{API}/attempts/{attempt.id}")
    shown = reply.json()
    made, was = shown["assessment"], assessed(watch_of_batches())
    assert was is not None
    assert {reason["rule"]: reason["points"] for reason in made["reasons"]} == {
        "tab_switches": 20,
        "devtools": 60,
        "rapid_answers": 15,
    }
    assert sum(reason["points"] for reason in made["reasons"]) == made["behaviour_score"] == was.behaviour.score
    assert all(reason["text"] for reason in made["reasons"])
    weights = {part["name"]: Decimal(part["weight"]) for part in made["components"]}
    assert sum(weights.values()) == 1
    for part in made["components"]:
        assert Decimal(part["contribution"]) == Decimal(part["weight"]) * Decimal(part["score"])
        assert part["text"]
    unscaled = sum(Decimal(part["contribution"]) for part in made["components"])
    assert unscaled == Decimal(made["unscaled_risk_score"]) == was.risk.unscaled
    assert (Decimal(made["risk_score"]), Decimal(made["integrity_score"])) == (was.risk.score, was.integrity)
    tabs = next(part for part in made["components"] if part["name"] == "tab_switches")
    assert (tabs["observed"], tabs["usual"], tabs["compared_with"]) == ("12", None, "nothing")
    assert made["second_opinion"] is None
    assert shown["rules"]["browser_lockdown"] is True
    assert [one["alert_id"] for one in shown["alerts"]] == [str(alert.id)]
    assert (shown["review"]["version"], shown["review"]["changed_at"]) == (0, None)
    assert (shown["standing"]["level"], shown["standing"]["attempt_id"]) == (was.level.value, str(attempt.id))
    assert "no finding" in shown["caution"]


async def test_every_piece_of_evidence_leads_to_the_signal_it_names(desk: Desk) -> None:
    exam, attempt = await an_assessed_attempt(desk)
    client = desk.proctor(exam)
    made = (await client.get(f"{API}/attempts/{attempt.id}")).json()["assessment"]
    parts = [*made["reasons"], *made["components"], {"evidence": made["violation_evidence"]}]
    named = {item["reference"]: item["at"] for part in parts for item in part["evidence"] if item["source"] == "signal"}
    assert {"1.1", "2.1", "4.1"} <= set(named)
    found = await signals(client, attempt, reference=sorted(named), limit=100)
    assert {signal["reference"]: signal["at"] for signal in found["items"]} == named
    tools = next(reason for reason in made["reasons"] if reason["rule"] == "devtools")
    found = await signals(client, attempt, reference=[item["reference"] for item in tools["evidence"]])
    assert [signal["kind"] for signal in found["items"]] == ["devtools_open", "devtools_open"]
    assert len(made["violation_evidence"]) == made["violations"] > 0
    found = await signals(client, attempt, reference=[item["reference"] for item in made["violation_evidence"]])
    assert all(is_violation(SignalKind(signal["kind"]), RULES) for signal in found["items"])


async def test_what_every_component_observed_can_be_counted_again_from_the_signals_of_its_kinds(desk: Desk) -> None:
    exam, attempt = await an_assessed_attempt(desk)
    client = desk.proctor(exam)
    made = (await client.get(f"{API}/attempts/{attempt.id}")).json()["assessment"]
    parts = {part["name"]: part for part in made["components"]}
    observed = {name: Decimal(part["observed"]) for name, part in parts.items()}

    async def carried(name: str) -> list[dict[str, Any]]:
        kinds = parts[name]["kinds"]
        found = [signal for kind in kinds for signal in (await signals(client, attempt, kind=kind, limit=100))["items"]]
        assert all(item["reference"] in {each["reference"] for each in found} for item in parts[name]["evidence"])
        return found

    typed = [each["carries"] for each in await carried("typing")]
    strokes, milliseconds = (sum(each[amount] for each in typed) for amount in ("strokes", "typing_milliseconds"))
    assert observed["typing"] == round(Decimal(strokes) * 12_000 / milliseconds, 2)
    moved = [each["carries"] for each in await carried("mouse")]
    pixels, milliseconds = (
        sum(each[amount] for each in moved) for amount in ("distance_pixels", "window_milliseconds")
    )
    assert observed["mouse"] == round(Decimal(pixels) * 1000 / milliseconds, 2)
    assert observed["tab_switches"] == len(await carried("tab_switches"))
    away = await carried("window_focus")
    told = sum(each["carries"].get("away_milliseconds", 0) for each in away)
    (lost,) = [datetime.fromisoformat(each["at"]) for each in away if each["kind"] == "focus_lost"]
    since = datetime.fromisoformat(made["as_of"]) - lost
    assert observed["window_focus"] == round(Decimal(told) / 1000 + Decimal(since.total_seconds()), 1)
    assert len(parts["window_focus"]["evidence"]) == len(away) == 4


async def test_the_usual_time_a_question_names_the_answer_that_took_it(desk: Desk) -> None:
    exam, attempt = await an_assessed_attempt(desk)
    made = (await desk.proctor(exam).get(f"{API}/attempts/{attempt.id}")).json()["assessment"]
    (pace,) = [part for part in made["components"] if part["name"] == "answer_speed"]
    assert (pace["observed"], pace["kinds"]) == ("30", [])
    assert [(item["source"], item["reference"]) for item in pace["evidence"]] == [("answer", "q1 r1")]


async def signals(client: Any, attempt: Attempt, **wanted: Any) -> Any:
    reply = await client.get(f"{API}/attempts/{attempt.id}/signals", params=wanted)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_signals_are_shown_as_they_were_taken_in(desk: Desk) -> None:
    exam, attempt = await an_assessed_attempt(desk)
    client = desk.proctor(exam)
    everything = await signals(client, attempt, limit=100)
    assert everything["total"] == sum(len(batch) for batch in BATCHES.values())
    references = [signal["reference"] for signal in everything["items"]]
    assert references == [f"{number}.{place}" for number, batch in BATCHES.items() for place in range(1, len(batch) + 1)]  # fmt: skip
    (pasted,) = (await signals(client, attempt, kind="paste_attempt"))["items"]
    assert (pasted["reference"], pasted["carries"]) == ("2.2", {"characters": 250})
    assert (pasted["network"], pasted["session_id"], pasted["question_id"]) == ("10.0.0.1", "log-in 1", "")
    typed, *_ = (await signals(client, attempt, kind="keystrokes"))["items"]
    assert typed["carries"] == {
        "window_milliseconds": 5000, "strokes": 9, "typing_milliseconds": 4000, "dwell_milliseconds": 800,
        "flight_milliseconds": 900, "corrections": 0,
    }  # fmt: skip
    pages = [await signals(client, attempt, kind="tab_switch", page=page, limit=5) for page in (1, 2, 3, 4)]
    assert [len(page["items"]) for page in pages] == [5, 5, 2, 0]
    assert {page["total"] for page in pages} == {12}
    assert [signal["reference"] for page in pages for signal in page["items"]] == [f"1.{n}" for n in range(1, 13)]
    assert (await signals(client, attempt, kind="rapid_answers"))["total"] == 0


async def test_what_is_no_reference_or_kind_is_refused_and_an_unknown_one_is_empty(desk: Desk) -> None:
    exam, attempt = await an_assessed_attempt(desk)
    client, path = desk.proctor(exam), f"{API}/attempts/{attempt.id}/signals"
    for wrong in ({"reference": "12"}, {"reference": "0.1"}, {"reference": "1.x"}, {"kind": "telepathy"}, {"page": 0}):
        assert (await client.get(path, params=wrong)).status_code == 422, wrong
    assert (await signals(client, attempt, reference="99.1"))["items"] == []
    assert (await signals(client, attempt, reference="1.99"))["items"] == []


async def test_an_attempt_that_nobody_has_assessed_says_so(desk: Desk) -> None:
    exam = await desk.exam(ExamRules(proctoring=False), watched=None)
    attempt = await desk.attempt(exam, is_proctored=False)
    shown = (await desk.instructor(exam).get(f"{API}/attempts/{attempt.id}")).json()
    assert (shown["assessment"], shown["rules"], shown["alerts"]) == (None, None, [])
    assert shown["standing"]["violation_limit"] == 0


async def test_signals_that_were_kept_long_enough_are_gone_and_the_others_keep_their_references(desk: Desk) -> None:
    exam = await desk.exam(RULES)
    attempt = await desk.attempt(exam)
    await desk.batch(attempt, 1, *BATCHES[3], TabSwitch(at=at(95)))
    async with desk.service.database.session() as tx:
        batch = await tx.get(SignalBatch, (attempt.id, 1))
        batch.signals = thinned(batch.signals, {SignalKind.KEYSTROKES})
    client = desk.proctor(exam)
    left = await signals(client, attempt)
    assert [(signal["reference"], signal["kind"]) for signal in left["items"]] == [("1.2", "tab_switch")]
    assert left["total"] == 1
    assert (await signals(client, attempt, reference="1.1"))["items"] == []
