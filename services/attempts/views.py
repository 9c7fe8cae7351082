"""What attempts' REST routes take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from chassis.http import Body
from proto.examhall.exams.v1 import papers_pb2
from services.attempts.deadlines import time_left
from services.attempts.endings import ending_text
from services.attempts.papers import Paper, kind_of
from services.attempts.tables import Answer, Attempt

Status = Literal["in_progress", "paused", "submitted"]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]
MAX_EXTENSION_SECONDS = 86_400


class NewAttempt(Body):
    """A student starts an exam."""

    exam_id: UUID
    access_code: str = Field("", max_length=64, description="needed when the exam has one")


class Extension(Body):
    """More time."""

    seconds: int = Field(ge=1, le=MAX_EXTENSION_SECONDS)
    reason: Reason


class Pause(Body):
    """Why the clock stops."""

    reason: Reason


class AttemptOut(BaseModel):
    """An attempt, with the server's clock. `seconds_left` stands still while paused and is 0 when submitted."""

    id: UUID
    exam_id: UUID
    exam_version: int
    student_id: UUID
    number: int
    status: Status
    question_count: int
    answered_count: int | None = Field(description="known from submission on")
    started_at: datetime
    deadline_at: datetime
    paused_at: datetime | None
    pause_reason: str
    break_ends_at: datetime | None = Field(description="when a break of the student's own ends by itself")
    break_seconds_left: int = Field(description="break time that an accommodation still grants")
    submitted_at: datetime | None
    submit_reason: str = Field(description="student, deadline, violation_limit or proctor; empty while it is open")
    submit_text: str = Field(description="the same for the student, in words")
    class_id: UUID | None
    centre_id: UUID | None
    server_time: datetime
    seconds_left: int

    @classmethod
    def of(cls, attempt: Attempt, moment: datetime) -> "AttemptOut":
        """As it is at a moment of the database's clock."""
        is_submitted = attempt.status == "submitted"
        left = time_left(attempt.deadline_at, attempt.paused_at, moment)
        return cls(
            **attempt.model_dump(
                exclude={
                    "version",
                    "seed",
                    "client_address",
                    "break_allowed_seconds",
                    "break_used_seconds",
                    "answered_count",
                }
            ),
            answered_count=attempt.answered_count if is_submitted else None,
            submit_text=ending_text(attempt.submit_reason),
            break_seconds_left=max(0, attempt.break_allowed_seconds - attempt.break_used_seconds),
            server_time=moment,
            seconds_left=0 if is_submitted else int(left.total_seconds()),
        )


class Moved(BaseModel):
    """How many attempts a change reached."""

    attempts: int


class AnswerOut(BaseModel):
    """A stored answer."""

    question_id: UUID
    revision: int
    response: dict[str, Any] | None
    is_flagged: bool
    saved_at: datetime

    @classmethod
    def of(cls, answer: Answer) -> "AnswerOut":
        """From its row."""
        return cls(**answer.model_dump(exclude={"attempt_id"}))


class AnswersOut(BaseModel):
    """All stored answers of an attempt, in the order of its questions."""

    answers: list[AnswerOut]


class OptionOut(BaseModel):
    """An option as a student sees it."""

    id: str
    text: str
    image_url: str | None


class QuestionOut(BaseModel):
    """A question as a student sees it, with what is saved."""

    id: str
    type: str
    text: str
    image_url: str | None
    points: str
    topic: str
    difficulty: str
    is_required: bool
    options: list[OptionOut]
    max_characters: int | None
    answer: AnswerOut | None


class PaperSettings(BaseModel):
    """Which rules hold while sitting."""

    duration_seconds: int
    allow_review_before_submit: bool
    allow_review_after_submit: bool
    show_answers_after_submit: bool
    passing_percentage: str
    proctoring: bool
    camera: bool
    browser_lockdown: bool
    tab_switch_allowed: bool
    copy_paste_allowed: bool
    violation_limit: int


class PaperOut(BaseModel):
    """The paper of one attempt: its questions in its order, saved answers beside them. It has no field for a key."""

    attempt: AttemptOut
    title: str
    subject: str
    kind: str
    instructions: str
    settings: PaperSettings
    questions: list[QuestionOut]
    server_time: datetime
    seconds_left: int


def paper_out(attempt: AttemptOut, seed: bytes, paper: Paper, answers: dict[str, AnswerOut]) -> PaperOut:
    """The paper as this attempt shows it."""
    message = paper.message
    return PaperOut(
        attempt=attempt,
        title=message.title,
        subject=message.subject,
        kind=message.kind,
        instructions=message.instructions,
        settings=PaperSettings(**{name: getattr(message.settings, name) for name in PaperSettings.model_fields}),
        questions=[
            _question_out(paper.questions[identifier], paper.options(seed, identifier), answers.get(identifier))
            for identifier in paper.question_ids(seed)
        ],
        server_time=attempt.server_time,
        seconds_left=attempt.seconds_left,
    )


def _question_out(
    question: papers_pb2.Question, options: list[papers_pb2.Option], answer: AnswerOut | None
) -> QuestionOut:
    return QuestionOut(
        id=question.question_id,
        type=kind_of(question).value,
        text=question.text,
        image_url=question.image_url or None,
        points=question.points,
        topic=question.topic,
        difficulty=question.difficulty,
        is_required=question.is_required,
        options=[
            OptionOut(id=option.option_id, text=option.text, image_url=option.image_url or None) for option in options
        ],
        max_characters=question.max_characters or None,
        answer=answer,
    )
