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


_EVERY_SERVICE = ("identity", "exams", "attempts", "grading")

TOPICS = (
    Topic(
        "identity.people.v1",
        ("identity",),
        ("exams", "attempts", "grading", "analytics"),
        "the id of the person, class or centre",
        ("PersonRegistered", "PersonChanged", "PersonDeleted", "ClassChanged", "ClassDeleted", "CentreChanged"),
        "People, classes and centres, each event with the whole state.",
    ),
    Topic(
        "exams.exams.v1",
        ("exams",),
        ("attempts", "grading", "analytics"),
        "exam id",
        ("ExamPublished", "ExamScheduleChanged", "ExamArchived"),
        "Published exams: version, schedule, audience, staff. Never content or keys.",
    ),
    Topic(
        "attempts.lifecycle.v1",
        ("attempts",),
        ("grading", "analytics"),
        "attempt id",
        ("AttemptStarted", "AttemptPaused", "AttemptResumed", "AttemptExtended", "AttemptSubmitted"),
        "What happens to an attempt as a whole.",
    ),
    Topic(
        "attempts.answers.v1",
        ("attempts",),
        ("analytics",),
        "exam id",
        ("AnswersSaved",),
        "Answers as they are saved, with the client's revision; one event for all that one commit saved at an exam.",
    ),
    Topic(
        "grading.grades.v1",
        ("grading",),
        ("analytics",),
        "attempt id",
        ("AttemptMarked", "GradeFinalized", "GradeReleased", "GradeHidden"),
        "Grades, each event with the whole grade.",
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
