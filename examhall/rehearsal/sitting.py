"""One student at work: carries out a script against the gateway, writes every promise into the ledger."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from examhall.rehearsal.acts import ClickRight, Leave, MoveNetwork, OpenTools, Paste, Peek, ShareLogIn
from examhall.rehearsal.audit import ShownResult
from examhall.rehearsal.gateway import Gateway, Reply, Unreachable
from examhall.rehearsal.ledger import Ended, Ledger, SentLate, Started, Surprised
from examhall.rehearsal.people import (
    Ending,
    FindNetwork,
    Give,
    LoseNetwork,
    Reload,
    Script,
    SendAgain,
    SendStale,
    Step,
    Think,
)
from examhall.rehearsal.seats import Countdown, Exam, Progress, Student
from examhall.rehearsal.sheet import Save, Sheet
from examhall.rehearsal.watch import Watch

OVER = frozenset({"attempt-closed", "deadline-passed"})
PAUSED = "attempt-paused"
_BEFORE_THE_BELL = 0.05
_LATE_SAVES = 2
_SUBMITTED_WITHIN = 30.0  # a service that comes back in this very moment has to wake first
_LOOK_SECONDS = 0.2
_LONGEST_LOOK_SECONDS = 2.0  # staff, or a limit, may end an attempt long before its deadline
_HEARTBEAT_SECONDS = 10.0
# People think while a page saves: a slow reply takes nothing from the time to think but so much, and what is lost beyond is lost.
_PATIENCE_SECONDS = 5.0


WriteScript = Callable[[str, list[Mapping[str, Any]], float], Script]


@dataclass
class Sitting:
    """The state of one student's sitting."""

    gateway: Gateway
    ledger: Ledger
    student: Student
    exam: Exam
    progress: Progress
    watch: Watch | None = None  # of a proctored exam
    student_id: str = ""
    token: str = ""
    attempt_id: str = ""
    question_ids: list[str] = field(default_factory=list)
    clock: Countdown = field(default_factory=Countdown)
    is_over: bool = False
    is_offline: bool = False
    queue: list[Save] = field(default_factory=list)
    _acts_at: float = 0.0

    @property
    def login(self) -> str:
        """Whose sitting it is."""
        return self.student.login

    @cached_property
    def sheet(self) -> Sheet:
        """What was answered, from the start of the attempt on."""
        return Sheet(self.ledger, self.attempt_id)

    async def sign_in(self) -> None:
        """Logs in; a failure is a surprise, since the log-in is known to be right."""
        if token := await self.new_token():
            self.token = token
            self.progress.signed_in += 1

    async def new_token(self) -> str:
        """The token of one more log-in; empty after a failure."""
        body = {"login": self.student.login, "password": self.student.password}
        reply = await self.gateway.call("log in", "POST", "/auth/login", body=body)
        if not reply.is_success:
            self._surprise("log in", reply)
            return ""
        self.student_id = reply.body["user"]["id"]
        return str(reply.body["access_token"])

    async def sit(self, write_script: WriteScript) -> None:
        """Starts, reads, carries out the script, ends. Whatever no rule explains goes into the ledger as a surprise."""
        try:
            questions = await self._start_and_read()
            if questions is not None:
                script = write_script(self.student.login, questions, self.clock.seconds_left())
                if self.watch:
                    self.watch.begin(self, self.question_ids)
                beating = asyncio.create_task(self._beat())
                try:
                    await self._work(script)
                finally:
                    beating.cancel()
                    if self.watch:
                        await self.watch.end()
        except Unreachable as error:
            self._tell("gateway", str(error))
        except (KeyError, TypeError, ValueError) as error:
            self._tell("contract", f"a reply of another shape than agreed: {type(error).__name__} {error}")
        finally:
            self.progress.finished += 1

    def hear(self, told: Mapping[str, Any]) -> None:
        """What the student's socket tells: a clock that changed, or that it is over."""
        if told["type"] == "submitted":
            self.is_over = True
        elif "seconds_left" in told:
            self.clock.follow(told)

    async def see_result(self) -> ShownResult | None:
        """What the student is shown of the result; None for who has no attempt. A refusal is a surprise. Raises Unreachable."""
        if not self.attempt_id:
            return None
        reply = await self.call("see the result", "GET", f"/results/{self.attempt_id}")
        if not reply.is_success:
            self._surprise("see the result", reply)
            return None
        score = reply.body["score"]
        is_released = reply.body["status"] == "released"
        return ShownResult(self.attempt_id, is_released, None if score is None else Decimal(score))

    async def _start_and_read(self) -> list[Mapping[str, Any]] | None:
        if not self.token:
            return None
        body = {"exam_id": self.exam.exam_id, "access_code": self.exam.access_code}
        started = await self.call("start", "POST", "/attempts", body)
        if not started.is_success:
            self._surprise("start", started)
            return None
        self.attempt_id = started.body["id"]
        paper = await self._read_paper("read the paper")
        if paper is None:
            return None
        questions: list[Mapping[str, Any]] = paper["questions"]
        self.question_ids = [question["id"] for question in questions]
        self.ledger.write(Started(self.student.login, self.attempt_id, tuple(self.question_ids)))
        for question in questions:
            if question["answer"] is not None:
                self.sheet.find(question["id"], question["answer"])
                self.progress.acknowledged += 1
        self.progress.started += 1
        return questions

    async def _work(self, script: Script) -> None:
        put_off: list[Step] = []
        self._acts_at = time.monotonic()
        for step in script.steps:
            if self.is_over:
                break
            if isinstance(step, Peek) and self.watch and self.watch.seen(step.question_id) is None:
                put_off.append(step)
            else:
                await self._do(step)
        for step in put_off:
            if not self.is_over:
                await self._do(step)
        await self._do(FindNetwork())
        match script.ending:
            case Ending.SUBMITS if not self.is_over:
                await self._submit()
            case Ending.AT_THE_BELL if not self.is_over:
                await asyncio.sleep(max(0.0, self.clock.seconds_left() - _BEFORE_THE_BELL))
                await self._submit()
            case _:
                await self._see_the_end()

    async def _beat(self) -> None:
        with suppress(Unreachable):
            while not self.is_over:
                await asyncio.sleep(_HEARTBEAT_SECONDS)
                if not self.is_offline:
                    await self.call("heartbeat", "POST", f"/attempts/{self.attempt_id}/heartbeat")

    async def _do(self, step: Step) -> None:
        match step:
            case Think(seconds):
                self._acts_at = max(self._acts_at, time.monotonic() - _PATIENCE_SECONDS) + seconds
                await asyncio.sleep(max(0.0, min(self._acts_at - time.monotonic(), self.clock.seconds_left())))
            case Give(question_id, response, is_flagged):
                await self._give(question_id, response, is_flagged)
            case SendAgain(question_id):
                await self._repeat(question_id, -1)
            case SendStale(question_id):
                await self._repeat(question_id, -2)
            case LoseNetwork():
                self.is_offline = True
                self.progress.offline += 1
                if self.watch:
                    self.watch.set_offline(True)
            case FindNetwork():
                await self._come_back()
            case Reload():
                await self._reload()
            case Peek(question_id, response, is_flagged):
                seen = self.watch.seen(question_id) if self.watch else None
                await self._give(question_id, dict(seen) if seen else response, is_flagged)
            case Leave() | Paste() | ClickRight() | OpenTools() | MoveNetwork() | ShareLogIn():
                if self.watch:
                    await self.watch.do(step, self)

    async def _give(self, question_id: str, response: dict[str, Any] | None, is_flagged: bool) -> None:
        save = self.sheet.write(question_id, response, is_flagged)
        if self.watch:
            self.watch.gives(self.login, question_id, response)
        if self.is_offline:
            self.queue.append(save)
        else:
            await self._send(save)

    async def _repeat(self, question_id: str, which: int) -> None:
        save = self.sheet.written(question_id, which)
        if not self.is_offline and save is not None:
            await self._send(save)

    async def _send(self, save: Save) -> None:
        self.sheet.note_sent(save)
        path = f"/attempts/{self.attempt_id}/answers/{save.question_id}"
        reply = await self.call("save", "PUT", path, save.body)
        if reply.is_success:
            self._acknowledge(save, reply.body)
            self.clock.follow(reply.body)
        else:
            self._refused([save], reply)

    async def _come_back(self) -> None:
        if not self.is_offline:
            return
        self.is_offline = False
        self.progress.offline -= 1
        if self.watch:
            self.watch.set_offline(False)
        queue, self.queue = self.queue, []
        if not queue:
            return
        for save in queue:
            self.sheet.note_sent(save)
        body = {"answers": [{"question_id": save.question_id, **save.body} for save in queue]}
        reply = await self.call("save a batch", "PUT", f"/attempts/{self.attempt_id}/answers", body)
        if not reply.is_success:
            self._refused(queue, reply)
            return
        for save, stored in zip(queue, reply.body["answers"], strict=True):
            self._acknowledge(save, stored)
        self.clock.follow(reply.body)

    async def _reload(self) -> None:
        """Opens the page anew: the questions stand as before, and no acknowledged answer is missing."""
        if self.is_offline:
            return
        paper = await self._read_paper("read again")
        if paper is None:
            return
        if [question["id"] for question in paper["questions"]] != self.question_ids:
            self._tell("read again", "the questions stand in another order than before")
        for question in paper["questions"]:
            if difference := self.sheet.difference(question["id"], question["answer"]):
                self._tell("read again", difference)

    async def _read_paper(self, step: str) -> Mapping[str, Any] | None:
        reply = await self.call(step, "GET", f"/attempts/{self.attempt_id}/paper")
        if reply.is_success:
            self.clock.follow(reply.body)
            return reply.body
        if reply.problem == "review-not-allowed":  # the time ended meanwhile
            self.is_over = True
        else:
            self._surprise(step, reply)
        return None

    async def _submit(self) -> None:
        if self.watch:
            await self.watch.finish()
        reply = await self.call("submit", "POST", f"/attempts/{self.attempt_id}/submit")
        if reply.is_success and reply.body["status"] == "submitted":
            self.ledger.write(Ended(self.attempt_id))
        else:
            self._surprise("submit", reply)

    async def _see_the_end(self) -> None:
        """After the deadline: tries to save still, which must be refused, and sees the attempt submitted by the server."""
        if not self.is_over:
            await self._wait_for_submission()
        for question_id in self.question_ids[:_LATE_SAVES]:
            revision = self.sheet.next_revision(question_id)
            body = {"revision": revision, "response": None, "is_flagged": True}
            reply = await self.call("save too late", "PUT", f"/attempts/{self.attempt_id}/answers/{question_id}", body)
            self.ledger.write(SentLate(self.attempt_id, question_id, revision, reply.status))
        await self._wait_for_submission()

    async def _wait_for_submission(self) -> None:
        """Looks on until the server has submitted; a deadline that moves meanwhile is followed."""
        while True:
            reply = await self.call("see the end", "GET", f"/attempts/{self.attempt_id}")
            if not reply.is_success:
                self._surprise("see the end", reply)
                return
            if reply.body["status"] == "submitted":
                self.is_over = True
                self.ledger.write(Ended(self.attempt_id))
                return
            self.clock.follow({"attempt": reply.body})
            if self.clock.seconds_left() < -_SUBMITTED_WITHIN:
                self._tell("see the end", f"not submitted {_SUBMITTED_WITHIN:.0f} s after its deadline")
                return
            await asyncio.sleep(min(max(_LOOK_SECONDS, self.clock.seconds_left()), _LONGEST_LOOK_SECONDS))

    async def call(self, step: str, method: str, path: str, body: Any = None) -> Reply:
        """A reply that settles the request: with a new token when the old one has expired, after a pause when staff made one."""
        reply = await self.gateway.call(step, method, path, token=self.token, body=body)
        if reply.status == 401:
            await self.sign_in()
            reply = await self.gateway.call(step, method, path, token=self.token, body=body)
        while reply.problem == PAUSED:
            await asyncio.sleep(_LOOK_SECONDS)
            reply = await self.gateway.call(step, method, path, token=self.token, body=body)
        return reply

    def _acknowledge(self, save: Save, stored: Mapping[str, Any]) -> None:
        self.sheet.acknowledge(save, stored)
        self.progress.acknowledged += 1

    def _refused(self, saves: list[Save], reply: Reply) -> None:
        if reply.problem not in OVER:
            self._surprise("save", reply)
            return
        self.is_over = True
        self.sheet.refuse(saves, reply.status)

    def _surprise(self, step: str, reply: Reply) -> None:
        self._tell(step, f"{reply.status} {reply.problem} {reply.body.get('detail', '')}")

    def _tell(self, step: str, detail: str) -> None:
        self.ledger.write(Surprised(self.student.login, step, detail, self.attempt_id or None))
