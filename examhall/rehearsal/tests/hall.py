"""A small real exam hall: one HTTP server that plays the whole institution, honest unless a test tells it otherwise."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web

from examhall.rehearsal.expectation import Rules, expected_score
from examhall.rehearsal.gateway import Gateway
from examhall.rehearsal.tests.desk import Desk
from services.proctoring.signals import ExamRules

ADMIN = ("admin@hall.example", "a-calm-exam-hall")
PATIENCE, SECONDS_A_TRY = 2.0, 1.0

Json = dict[str, Any]
Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass
class Attempt:
    """An attempt as the hall holds it."""

    id: str
    exam_id: str
    student_id: str
    question_ids: list[str]
    deadline: datetime
    is_submitted: bool = False
    is_paused: bool = False
    submit_reason: str = ""
    answers: dict[str, Json] = field(default_factory=dict)


@dataclass
class Hall:
    """The institution. Tests read and change what it holds; `faults` may answer a request before it is looked at."""

    accounts: dict[str, Json] = field(default_factory=dict)
    tokens: dict[str, Json] = field(default_factory=dict)
    exams: dict[str, Json] = field(default_factory=dict)
    questions: dict[str, Json] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    grade_changes: Callable[[Json], list[Json]] = lambda grade: [grade]
    is_released: bool = False
    shows_scores_early: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    made: dict[str, Json] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    desks: dict[str, Desk] = field(default_factory=dict)
    finds: Callable[[list[Json]], list[Json]] = lambda pairs: pairs
    address: str = ""
    sockets: int = 0
    answers_on_sockets: bool = True
    refuses_sockets_with: int = 0

    def __post_init__(self) -> None:
        self.account("admin", *ADMIN)

    def account(self, role: str, login: str, password: str) -> str:
        """A new account; its id."""
        person = {"id": str(uuid4()), "role": role, "login": login, "password": password}
        self.accounts[login] = person
        return person["id"]

    def exam(self, *questions: Json, seconds: float = 600, version: int = 1, **schedule: Any) -> Json:
        """A published exam with these questions; a choice between two options when none is given."""
        chosen = [self.question(each) for each in questions or (a_choice(), a_choice())]
        exam = {
            "id": str(uuid4()),
            "title": "Rivers",
            "version": version,
            "settings": dict(SETTINGS),
            "schedule": {"max_attempts": 1, "access_code": None, **schedule},
            "question_ids": [each["id"] for each in chosen],
            "seconds": seconds,
            "owner": ADMIN[0],
        }
        self.exams[exam["id"]] = exam
        return exam

    def question(self, body: Json) -> Json:
        """A question of the catalogue, with ids."""
        options = [{"id": str(uuid4()), "credit": None, **option} for option in body.get("options", ())]
        question = {"points": "1.00", "penalty": "0.00", **body, "id": str(uuid4()), "options": options}
        self.questions[question["id"]] = question
        return question

    def score(self, attempt: Attempt) -> Decimal:
        """What the attempt is worth."""
        responses = {key: answer["response"] for key, answer in attempt.answers.items()}
        rules = Rules.of_settings(self.exams[attempt.exam_id]["settings"])
        score = expected_score([self.questions[each] for each in attempt.question_ids], responses, rules)
        assert score is not None
        return score

    def fails_once(self, method: str, part: str, answer: Callable[[], web.StreamResponse], before: bool = True) -> None:
        """The next such request is answered otherwise; `before` False: after it has had its effect."""

        async def fault(request: web.Request) -> web.StreamResponse | None:
            if request.method != method or part not in request.path:
                return None
            self.faults.remove(fault)
            if not before:
                await self.handle(request)
            return answer()

        self.faults.append(fault)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers a request."""
        for fault in list(self.faults):
            if (reply := await fault(request)) is not None:
                return reply
        self.requests.append((request.method, request.path))
        path = request.path.removeprefix("/api/v1/").split("/")
        body = msgspec.json.decode(await request.read() or b"null")
        if path[0] == "auth":
            return self._log_in(body)
        if request.path.startswith("/ws/"):
            return await self._socket(request, *request.path.split("/")[2:4])
        person = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if person is None:
            return problem(401, "unauthenticated")
        if (key := request.headers.get("Idempotency-Key")) is not None:
            self.keys.append(key)
            if key in self.made:
                return web.json_response(self.made[key], status=201)
        status, told = self._answer(request, path, body, person)
        if key is not None and status < 300:
            self.made[key] = told
        return problem(status, told) if isinstance(told, str) else web.json_response(told, status=status)

    def _log_in(self, body: Json) -> web.Response:
        person = self.accounts.get(body["login"])
        if person is None or person["password"] != body["password"]:
            return problem(401, "unauthenticated", "The log-in or the password is wrong.")
        token = str(uuid4())
        self.tokens[token] = person
        return web.json_response({"access_token": token, "user": {"id": person["id"]}})

    def _answer(self, request: web.Request, path: list[str], body: Any, person: Json) -> tuple[int, Any]:
        match request.method, *path:
            case "POST", "classes" | "question-banks":
                return 201, {"id": str(uuid4())}
            case "POST", "students":
                student_id = self.account("student", body["registration_number"], body["password"])
                return 201, {"student": {"id": student_id}, "claim_code": None}
            case "POST", "exams":
                exam = self.exam(seconds=body["settings"]["duration_seconds"], version=0)
                exam |= {
                    "settings": SETTINGS | body["settings"],
                    "title": body["title"],
                    "question_ids": [],
                    "drawn": [],
                }
                return 201, exam
            case "POST", "questions":
                return 201, self.question(body)
            case "POST", "exams", exam_id, "questions":
                question = self.question(body["question"])
                self.exams[exam_id]["question_ids"].append(question["id"])
                return 201, {"id": str(uuid4()), "question": question}
            case "POST", "exams", exam_id, "draws":
                drawn = [each["id"] for each in self.questions.values() if each.get("bank_id") == body["bank_id"]]
                self.exams[exam_id]["question_ids"] += drawn[: body["count"]]
                return 201, {"id": str(uuid4())}
            case "PUT", "exams", exam_id, "schedule":
                self.exams[exam_id]["schedule"] = body
                return 200, self.exams[exam_id]
            case "PUT", "exams", exam_id, "seating":
                rooms = {each: room["name"] for room in body["rooms"] for each in room["student_ids"]}
                self.desk(exam_id).rooms = rooms
                return 200, {"exam_id": exam_id, **body}
            case "POST", "exams", exam_id, ("publish" | "archive") as what:
                self.exams[exam_id]["version"] += what == "publish"
                return 200, self.exams[exam_id]
            case "GET", "exams", exam_id:
                exam = self.exams.get(exam_id)
                return (200, exam) if exam else (404, "not-found")
            case "GET", "exams", exam_id, "versions", number:
                exam = self.exams[exam_id]
                if person["login"] != exam["owner"]:
                    return 403, "forbidden"
                slots = [{"draw": 0, "questions": [self.questions[each]]} for each in exam["question_ids"]]
                return 200, {"version": int(number), "settings": exam["settings"], "slots": slots}
            case method, "proctoring", *rest:
                return self._proctoring(request, method, rest, body)
            case "POST", "attempts":
                return self._start(body, person)
            case "GET", "attempts":
                found = [each for each in self.attempts.values() if each.exam_id == request.query["exam_id"]]
                return 200, page(request, [self._told(each) for each in found])
            case "GET" | "POST" | "PUT", "attempts", attempt_id, *rest:
                return self._of_attempt(request.method, self.attempts[attempt_id], rest, body)
            case "GET", "grading", "exams", exam_id, "grades":
                submitted = [each for each in self.attempts.values() if each.exam_id == exam_id and each.is_submitted]
                grades = [grade for each in submitted for grade in self.grade_changes(self._grade(each))]
                return 200, page(request, grades)
            case "POST", "grading", "exams", _, ("finalize" | "release") as what:
                self.is_released = self.is_released or what == "release"
                return 200, {"count": 1}
            case "GET", "results", attempt_id:
                attempt = self.attempts[attempt_id]
                is_shown = self.is_released or self.shows_scores_early
                score = str(self.score(attempt)) if is_shown else None
                return 200, {"status": "released" if self.is_released else "received", "score": score}
        return 404, "not-found"

    def _start(self, body: Json, person: Json) -> tuple[int, Any]:
        exam = self.exams[body["exam_id"]]
        if (body.get("access_code") or None) != exam["schedule"].get("access_code"):
            return 403, "wrong-access-code"
        own = [each for each in self.attempts.values() if (each.student_id, each.exam_id) == (person["id"], exam["id"])]
        if running := [attempt for attempt in own if not attempt.is_submitted]:
            return 200, self._told(running[0])
        if len(own) >= exam["schedule"]["max_attempts"]:
            return 409, "no-attempts-left"
        deadline = datetime.now(UTC) + timedelta(seconds=exam["seconds"])
        if closes_at := exam["schedule"].get("closes_at"):
            deadline = min(deadline, datetime.fromisoformat(closes_at))
        attempt = Attempt(str(uuid4()), exam["id"], person["id"], list(exam["question_ids"]), deadline)
        self.attempts[attempt.id] = attempt
        if exam["settings"]["proctoring"]:
            self.desk(exam["id"]).begin(attempt.id, person["id"])
        return 201, self._told(attempt)

    def desk(self, exam_id: str) -> Desk:
        """The proctoring of an exam."""
        return self.desks.setdefault(exam_id, Desk(ExamRules()))

    def _proctoring(self, request: web.Request, method: str, rest: list[str], body: Any) -> tuple[int, Any]:
        match method, *rest:
            case "POST", "attempts", attempt_id, "signals":
                token = request.headers["Authorization"].removeprefix("Bearer ")
                return self._take_signals(attempt_id, body, token, request.remote or "")
            case "GET", "attempts", attempt_id, "feed":
                feed = self.desk(self.attempts[attempt_id].exam_id).feeds[attempt_id]
                return 200, {"entries": feed[int(request.query["after"]) :], "last": len(feed)}
            case "GET", "attempts", attempt_id, "signals":
                return 200, page(request, self.desk(self.attempts[attempt_id].exam_id).signals(attempt_id))
            case "GET", "attempts", attempt_id:
                return 200, self.desk(self.attempts[attempt_id].exam_id).unfolded(attempt_id)
            case "GET", "exams", exam_id, "board":
                desk = self.desk(exam_id)
                for attempt in self.attempts.values():
                    if attempt.exam_id == exam_id:
                        self._end_if_due(attempt)
                return 200, {"cursor": len(desk.feed), "attempts": [desk.row(each) for each in desk.attempts]}
            case "GET", "exams", exam_id, "alerts":
                return 200, page(request, list(self.desk(exam_id).alerts.values()))
            case "POST", "alerts", alert_id, "acknowledge":
                (desk,) = (desk for desk in self.desks.values() if alert_id in desk.alerts)
                return 200, desk.acknowledge(alert_id)
            case "POST", "exams", _, "collusion":
                return 202, {"request_id": "asked"}
            case "GET", "exams", _, "collusion":
                return 200, {"progress": {"request_ids": ["asked"], "text": "Not enough yet."}, "pairs": self.finds([])}
            case "GET", "students", student_id, "baseline":
                attempts = [each for each in self.attempts.values() if each.student_id == student_id]
                return 200, {"samples": [each.id for each in attempts if each.is_submitted]}
        return 404, "not-found"

    async def _socket(self, request: web.Request, kind: str, thing: str) -> web.StreamResponse:
        """The live feed of an exam or an attempt, from where the client left it; signals are taken on it as in a request."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        said = await socket.receive_json()
        if said["token"] not in self.tokens:
            await socket.close(code=4401)
            return socket
        if self.refuses_sockets_with:
            await socket.close(code=self.refuses_sockets_with)
            return socket
        if kind == "exams":
            feed = self.desk(thing).feed
            await socket.send_json({"type": "quiz_status", "number": 0})
        else:
            feed = self.desk(self.attempts[thing].exam_id).feeds[thing]
            await socket.send_json({"type": "authenticated", "feed": f"attempt:{thing}", "after": said["after"]})
        self.sockets += 1
        pushing = asyncio.ensure_future(_push(socket, feed, said["after"]))
        async for message in socket:
            body = message.json()
            assert body.pop("type") == "signals"
            status, told = self._take_signals(thing, body, said["token"], request.remote or "")
            if self.answers_on_sockets:
                await socket.send_json(_on_socket(status, told, body["batch_id"]))
        pushing.cancel()
        return socket

    def _take_signals(self, attempt_id: str, body: Json, token: str, address: str) -> tuple[int, Any]:
        attempt = self.attempts[attempt_id]
        self._end_if_due(attempt)
        if attempt.is_submitted:
            return 409, "attempt-closed"
        number = self.desk(attempt.exam_id).take(attempt_id, body, token, address)
        return 200, {"batch_id": body["batch_id"], "number": number, "accepted": len(body["signals"])}

    def _of_attempt(self, method: str, attempt: Attempt, rest: list[str], body: Any) -> tuple[int, Any]:
        self._end_if_due(attempt)
        match method, *rest:
            case "GET", "answers":
                return 200, {"answers": [{"question_id": key, **value} for key, value in attempt.answers.items()]}
            case ("GET",):
                return 200, self._told(attempt)
            case "POST", "extend":
                return self._extend(attempt, body["seconds"])
            case "POST", "submit":
                attempt.is_submitted = True
                return 200, self._told(attempt)
            case _ if attempt.is_paused:
                return 409, "attempt-paused"
            case "GET", "paper":
                return 200, {
                    "attempt": self._told(attempt),
                    "questions": [self._shown(attempt, each) for each in attempt.question_ids],
                }
            case "POST", "heartbeat":
                return 200, self._told(attempt)
            case _ if attempt.is_submitted:
                return 409, "attempt-closed"
            case "PUT", "answers", question_id:
                return 200, self._save(attempt, question_id, body) | self._clock(attempt)
            case "PUT", "answers":
                saved = [self._save(attempt, each.pop("question_id"), each) for each in body["answers"]]
                return 200, {"answers": saved} | self._clock(attempt)
        return 404, "not-found"

    def _extend(self, attempt: Attempt, seconds: int) -> tuple[int, Any]:
        if attempt.is_submitted:
            return 409, "attempt-closed"
        attempt.deadline += timedelta(seconds=seconds)
        left = self._clock(attempt)["seconds_left"]
        self.desk(attempt.exam_id).tell(attempt.id, "time_changed", added_seconds=seconds, seconds_left=left)
        return 200, self._told(attempt)

    def _save(self, attempt: Attempt, question_id: str, given: Json) -> Json:
        stored = attempt.answers.get(question_id)
        is_new = stored is None or given["revision"] > stored["revision"]
        if is_new:
            attempt.answers[question_id] = given
            desk = self.desks.get(attempt.exam_id)
            if desk and attempt.id in desk.attempts:
                desk.save(attempt.id, question_id, given["revision"], given["response"])
        return {"question_id": question_id, "revision": attempt.answers[question_id]["revision"], "saved": is_new}

    def _end_if_due(self, attempt: Attempt) -> None:
        desk = self.desks.get(attempt.exam_id)
        watched = desk.attempts.get(attempt.id) if desk else None
        if watched and watched.submitted_at:
            attempt.is_submitted = True
        attempt.is_submitted = attempt.is_submitted or datetime.now(UTC) >= attempt.deadline
        if desk and watched and attempt.is_submitted:
            desk.end(attempt.id, "deadline" if datetime.now(UTC) >= attempt.deadline else "student")

    def _told(self, attempt: Attempt) -> Json:
        self._end_if_due(attempt)
        status = "submitted" if attempt.is_submitted else "paused" if attempt.is_paused else "in_progress"
        return {
            "id": attempt.id,
            "exam_id": attempt.exam_id,
            "student_id": attempt.student_id,
            "status": status,
            "deadline_at": attempt.deadline.isoformat(),
            **self._clock(attempt),
        }

    def _clock(self, attempt: Attempt) -> Json:
        now = datetime.now(UTC)
        left = max(timedelta(0), attempt.deadline - now)
        return {"server_time": now.isoformat(), "seconds_left": int(left.total_seconds())}

    def _shown(self, attempt: Attempt, question_id: str) -> Json:
        question = self.questions[question_id]
        options = [{"id": option["id"], "text": option["text"]} for option in question["options"]]
        answer = attempt.answers.get(question_id)
        return {
            "id": question_id,
            "type": question["type"],
            "text": question["text"],
            "options": options,
            "answer": answer,
        }

    def _grade(self, attempt: Attempt) -> Json:
        score = self.score(attempt)
        most = sum((Decimal(self.questions[each]["points"]) for each in attempt.question_ids), Decimal(0))
        percentage = (score * 100 / most).quantize(Decimal("0.01"))
        numbers = {"score": str(score), "max_score": str(most), "percentage": str(percentage)}
        return {"attempt_id": attempt.id, "status": "marked", **numbers}


SETTINGS = {
    "multiple_select": "partial_credit",
    "floor_question_at_zero": False,
    "floor_total_at_zero": True,
    "proctoring": False,
    "camera": False,
    "browser_lockdown": False,
    "tab_switch_allowed": False,
    "copy_paste_allowed": False,
    "monitoring_sensitivity": "medium",
    "violation_limit": 3,
}


async def _push(socket: web.WebSocketResponse, feed: list[Json], number: int) -> None:
    while True:
        for message in feed[number:]:
            await socket.send_json(message)
        number = max(number, len(feed))
        await asyncio.sleep(0.02)


def _on_socket(status: int, told: Any, batch_id: str) -> Json:
    """An answer to signals as it comes on a socket."""
    if status < 300:
        return {"type": "signals_taken", **told}
    document = {"type": f"https://examhall.invalid/problems/{told}", "status": status, "detail": told}
    return {"type": "refused", "refused": "signals", "batch_id": batch_id, "status": status, "problem": document}


def a_choice(text: str = "Which river is longer?") -> Json:
    """A question whose first option is right."""
    options = [{"text": "The Nile", "is_correct": True}, {"text": "The Thames", "is_correct": False}]
    return {"type": "single_choice", "text": text, "options": options}


def page(request: web.Request, items: list[Any]) -> Json:
    """A page of a list, as every list comes."""
    number, limit = int(request.query.get("page", 1)), int(request.query["limit"])
    pages = max(1, -(-len(items) // limit))
    return {"items": items[(number - 1) * limit : number * limit], "total": len(items), "page": number, "pages": pages}


def problem(status: int, slug: str, detail: str = "", **headers: str) -> web.Response:
    """A problem document."""
    body = {"type": f"https://examhall.invalid/problems/{slug}", "status": status, "detail": detail or slug}
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")


def cut_off() -> web.StreamResponse:
    """Breaks the connection instead of a reply."""
    raise ConnectionAbortedError


@asynccontextmanager
async def a_hall() -> AsyncIterator[Hall]:
    """A hall that answers on a port of this machine."""
    hall = Hall()

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await hall.handle(request)
        except ConnectionAbortedError:
            assert request.transport is not None
            request.transport.abort()
            raise asyncio.CancelledError from None

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hall.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hall
    finally:
        await runner.cleanup()


def a_gateway(hall: Hall) -> Gateway:
    """The hall as a client of little patience sees it."""
    return Gateway(hall.address, patience=PATIENCE, seconds_a_try=SECONDS_A_TRY)
