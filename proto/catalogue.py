"""Every topic, who records its events and who takes them in. docs/events.md and docs/asyncapi.json are made from this and the contracts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """One Kafka topic. The relay of `producers` counts an event as taken in when every one of `consumers` has committed past it."""

    name: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    key: str
    events: tuple[str, ...]
    about: str


_EVERY_SERVICE = ("identity", "exams", "attempts", "proctoring", "grading")
STREAM = "proctoring-stream"

TOPICS = (
    Topic(
        "identity.people.v1",
        ("identity",),
        ("exams", "attempts", "proctoring", "grading", "analytics"),
        "the id of the person, class or centre",
        ("PersonRegistered", "PersonChanged", "PersonDeleted", "ClassChanged", "ClassDeleted", "CentreChanged"),
        "People, classes and centres, each event with the whole state.",
    ),
    Topic(
        "exams.exams.v1",
        ("exams",),
        ("attempts", "proctoring", "grading", "analytics"),
        "exam id",
        ("ExamPublished", "ExamScheduleChanged", "ExamArchived", "ExamSeatingChanged"),
        "Published exams: version, schedule, audience, staff, and who sits in which room. Never content or keys.",
    ),
    Topic(
        "attempts.lifecycle.v1",
        ("attempts",),
        ("proctoring", STREAM, "grading", "analytics"),
        "attempt id",
        ("AttemptStarted", "AttemptPaused", "AttemptResumed", "AttemptExtended", "AttemptSubmitted"),
        "What happens to an attempt as a whole.",
    ),
    Topic(
        "attempts.answers.v1",
        ("attempts",),
        (STREAM, "analytics"),
        "exam id",
        ("AnswersSaved",),
        "Answers as they are saved, with the client's revision; one event for all that one commit saved at an exam.",
    ),
    Topic(
        "grading.grades.v1",
        ("grading",),
        ("analytics",),
        "attempt id",
        ("AttemptMarked", "GradeFinalized", "GradeReleased", "GradeHidden", "GradeInvalidated", "GradeReinstated"),
        "Grades, each event with the whole grade.",
    ),
    Topic(
        "proctoring.signals.v1",
        ("proctoring",),
        (STREAM,),
        "attempt id",
        ("WatchBegan", "SignalsReceived"),
        "What browsers of proctored attempts report: counts and timings, never content.",
    ),
    Topic(
        "proctoring.exams.v1",
        ("proctoring",),
        (STREAM,),
        "exam id",
        ("ExamWatched", "SeatsPlanned", "CollusionRequested"),
        "Proctored exams: their rules, who sits in which room, and the questions that collusion is looked for in.",
    ),
    Topic(
        "proctoring.risk.v1",
        (STREAM,),
        ("proctoring",),
        "attempt id",
        ("RiskAssessed",),
        "How attempts stand, with the reasons.",
    ),
    Topic(
        "proctoring.alerts.v1",
        (STREAM,),
        ("proctoring", "attempts"),
        "attempt id",
        ("AlertRaised", "ViolationLimitReached"),
        "What a proctor should look at, and the end of attempts with too many violations.",
    ),
    Topic(
        "proctoring.collusion.v1",
        (STREAM,),
        ("proctoring",),
        "exam id",
        ("PairAssessed", "GroupFound", "CollusionProgress", "ItemsCalibrated"),
        "Pairs and groups whose answers are alike beyond chance.",
    ),
    Topic(
        "proctoring.reviews.v1",
        ("proctoring",),
        ("grading",),
        "attempt id",
        ("AlertSettled", "AttemptReviewed", "IntegrityAssessed"),
        "What people decided about alerts and attempts, and the integrity score of those that are over.",
    ),
    Topic(
        "proctoring.live.v1",
        ("proctoring",),
        (),
        "exam id or attempt id",
        ("LiveEvent",),
        "What is pushed to open sockets, numbered without gaps for each feed.",
    ),
    Topic(
        "proctoring.by-attempt.v1",
        (STREAM,),
        (STREAM,),
        "attempt id",
        ("AttemptAnswered",),
        "Between workers of the stream: that an answer was saved, not which.",
    ),
    Topic(
        "proctoring.by-exam.v1",
        (STREAM,),
        (STREAM,),
        "exam id",
        ("CandidateSeated",),
        "Between workers of the stream: who sits an exam, from when to when, and where.",
    ),
    Topic(
        "proctoring.worker.v1",
        (STREAM,),
        ("proctoring",),
        "worker",
        ("StateLost",),
        "A worker of the stream asks for the events of running exams once more.",
    ),
    Topic(
        "audit.entries.v1",
        _EVERY_SERVICE,
        ("identity",),
        "the id of the thing that was changed",
        ("AuditRecorded",),
        "Who did what to what.",
    ),
)

_BY_NAME = {topic.name: topic for topic in TOPICS}


def group_of(service: str) -> str:
    """The consumer group of a service."""
    return f"examhall.{service}"


def consumer_groups(topic: str) -> tuple[str, ...]:
    """The groups that must take in an event of this topic; none for a topic that is only for outsiders (dead letters)."""
    found = _BY_NAME.get(topic)
    return tuple(group_of(service) for service in found.consumers) if found else ()
