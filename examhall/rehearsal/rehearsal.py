"""A rehearsal from its first log-in to its audit."""

import asyncio
import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from examhall.rehearsal import report
from examhall.rehearsal.audit import Audit, ShownResult, audit
from examhall.rehearsal.conduct import rooms_of
from examhall.rehearsal.gateway import Gateway, Refusal, Unreachable
from examhall.rehearsal.invigilation import wait_until_watched
from examhall.rehearsal.ledger import Ledger, Surprised, account, read
from examhall.rehearsal.people import Script
from examhall.rehearsal.practice import practise
from examhall.rehearsal.proctor import Proctor
from examhall.rehearsal.proctoring import Company, another_network, favour, judge, listening
from examhall.rehearsal.seats import Exam, Progress, Student
from examhall.rehearsal.sitting import Sitting
from examhall.rehearsal.staff import NotPossible, Staff, Stage, read_students, side_by_side
from examhall.rehearsal.table import LiveTable
from examhall.rehearsing import RehearsalOptions

SITTING_SECONDS = 75.0  # at a pace of 1: long enough for second thoughts, short enough to wait for
_START_SECONDS = 5.0
_SHORTEST_EXAM = 60  # seconds that the institution lets an exam last at least; a hasty class ends before
_LOG_INS_AT_ONCE = 8  # a log-in costs the server a password hash
_ARRIVAL_SECONDS = 2.0
_FAVOUR_AFTER = 0.4  # of the sitting


async def rehearse(options: RehearsalOptions) -> int:
    """Holds a rehearsal and gives the exit status: 0 when the audit is clean, 1 when anything differs, 2 when it could not be held."""
    console = Console(highlight=False)
    try:
        async with Gateway(options.gateway) as gateway:
            return await _rehearse(options, gateway, console)
    except (NotPossible, Refusal, Unreachable) as error:
        console.print(f"The rehearsal could not be held: {error}", markup=False)
        return 2


async def _rehearse(options: RehearsalOptions, gateway: Gateway, console: Console) -> int:
    staff = Staff(gateway, options.login, options.password)
    await staff.sign_in()
    stage, class_id, students = await _prepare(options, staff, console)
    if not stage.is_own:
        console.print("The exam is not the rehearsal's own: the marks of essays and of other attempts are left alone.")
    if not stage.keys:
        console.print("Its key is not known here: scores are checked for presence and consistency alone.")
    async with another_network(gateway) as elsewhere:
        company = Company(str(options.seed), options.pace)
        if stage.is_own:
            company = Company.of(str(options.seed), options.pace, students, elsewhere)
            await staff.seat(stage.exam_id, rooms_of(company.roles), students)
        return await _hold(options, gateway, staff, _Class(stage, class_id, students, company), console)


@dataclass(frozen=True)
class _Class:
    """Who sits what; `class_id` is empty for an exam that was there."""

    stage: Stage
    class_id: str
    students: Sequence[Student]
    company: Company


async def _hold(options: RehearsalOptions, gateway: Gateway, staff: Staff, those: _Class, console: Console) -> int:
    stage, company = those.stage, those.company
    progress = Progress()
    path = Path(tempfile.mkdtemp(prefix="examhall-rehearsal-")) / "ledger.jsonl"
    screen = LiveTable(stage.title, len(those.students), progress, gateway.steps)
    seconds = SITTING_SECONDS / options.pace
    with Ledger(path) as ledger, Live(screen, console=console, refresh_per_second=2, transient=True):
        exam = Exam(stage.exam_id, stage.access_code)
        sittings = [
            Sitting(gateway, ledger, each, exam, progress, company.watch(each.login)) for each in those.students
        ]
        proctor = Proctor(gateway, staff, ledger, stage.exam_id, progress)
        screen.phase = "signing in"
        await _sign_in(sittings)
        async with listening(proctor) if company.roles else nullcontext():
            practice_id = None
            if company.roles:
                screen.phase = "practising"
                practice_id = await practise(staff, gateway, company.impostors(sittings), those.class_id, stage.title)
            screen.phase = "sitting"
            if those.class_id:
                await staff.open_window(stage.exam_id, those.class_id, seconds + _START_SECONDS)
            try:
                await asyncio.gather(
                    _sit(sittings, company, stage, seconds), _favour(staff, company, ledger, seconds * _FAVOUR_AFTER)
                )
                screen.phase = "reading back"
                result = await _audit(staff, stage, sittings, ledger)
                watched = await judge(staff, stage, company, proctor, seconds) if company.roles else None
            finally:
                await company.hang_up()
    if watched:
        result = replace(result, findings=(*result.findings, *watched.audit.findings))
    report.show(console, result, gateway.steps, path, watched)
    if options.report:
        options.report.write_bytes(report.as_json(result, gateway.steps, watched))
    await staff.close(stage)
    if practice_id:
        await staff.archive(practice_id)
    return 0 if result.is_clean else 1


async def _prepare(options: RehearsalOptions, staff: Staff, console: Console) -> tuple[Stage, str, list[Student]]:
    """The exam, the class it was made for (empty for an exam that was there), and the students."""
    students = read_students(options.students, options.count) if options.students else []
    if options.exam is not None:
        if not students:
            raise NotPossible("an exam that exists needs --students: log-ins of those it is meant for")
        return await staff.stage(str(options.exam), is_own=False), "", students
    if students:
        raise NotPossible("--students needs --exam: an exam made here is for students made here")
    name = f"Rehearsal {datetime.now(UTC):%Y-%m-%d %H%M%S}"
    with console.status(f"Making an exam and {options.count} students …"):
        class_id, students = await staff.make_students(options.count, name)
        # Whoever is told of the window late still has no more time than the window leaves, but for the moments of arriving.
        duration = max(_SHORTEST_EXAM, math.ceil(SITTING_SECONDS / options.pace + _START_SECONDS))
        exam_id = await staff.make_exam(name, class_id, options.questions, proctoring=True, duration_seconds=duration)
        await wait_until_watched(staff, exam_id)
    return await staff.stage(exam_id, is_own=True), class_id, students


async def _sign_in(sittings: Sequence[Sitting]) -> None:
    gate = asyncio.Semaphore(_LOG_INS_AT_ONCE)

    async def sign_in(sitting: Sitting) -> None:
        async with gate:
            await sitting.sign_in()

    await asyncio.gather(*(sign_in(sitting) for sitting in sittings))


async def _sit(sittings: Sequence[Sitting], company: Company, stage: Stage, seconds: float) -> None:
    def script_of(login: str, questions: list[Mapping[str, Any]], seconds_left: float) -> Script:
        meets_deadline = seconds_left < seconds * 1.5
        length = seconds_left if meets_deadline else seconds
        return company.script(login, questions, stage.keys, length, meets_deadline)

    async def arrive(place: int, sitting: Sitting) -> None:
        await asyncio.sleep(_ARRIVAL_SECONDS * place / len(sittings))
        await sitting.sit(script_of)

    await asyncio.gather(*(arrive(place, sitting) for place, sitting in enumerate(sittings)))


async def _favour(staff: Staff, company: Company, ledger: Ledger, after_seconds: float) -> None:
    """In the middle of the exam somebody gets more time; that this fails is a surprise and stops nothing."""
    if not company.sockets:
        return
    await asyncio.sleep(after_seconds)
    try:
        await favour(staff, company, ledger)
    except (Refusal, Unreachable) as error:
        ledger.write(Surprised("staff", "more time", str(error)))


async def _audit(staff: Staff, stage: Stage, sittings: Sequence[Sitting], ledger: Ledger) -> Audit:
    attempts = list(account(read(ledger.path)).journeys)
    try:
        await staff.sign_in()  # a long rehearsal outlives the token
        held = await staff.held_attempts(stage.exam_id, attempts)
        grades = await staff.grades(stage.exam_id, attempts)
        shown = await _release(staff, stage, sittings, ledger) if stage.is_own else []
    except (Refusal, Unreachable) as error:
        raise NotPossible(f"it was sat, but can't be read back: {error}; the ledger is {ledger.path}") from error
    told = account(read(ledger.path))
    return audit(told, held, grades, stage.expected_score, stage.max_attempts == 1, shown)


async def _release(staff: Staff, stage: Stage, sittings: Sequence[Sitting], ledger: Ledger) -> list[ShownResult]:
    """What the students are shown before and after the release of their results."""
    shown = await side_by_side(sittings, Sitting.see_result)
    try:
        await staff.release(stage.exam_id)
    except Refusal as error:
        ledger.write(Surprised("staff", "release", str(error)))
    else:
        shown += await side_by_side(sittings, Sitting.see_result)
    return [result for result in shown if result is not None]
