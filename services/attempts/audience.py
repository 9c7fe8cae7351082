"""Whether an exam is for a student: named by any of the audience's lists."""

from collections.abc import Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Audience:
    """Whom an exam is for. Naming a class, specialization, centre or level takes in all who belong to it."""

    is_everyone: bool = False
    student_ids: Set[str] = frozenset()
    class_ids: Set[str] = frozenset()
    specialization_ids: Set[str] = frozenset()
    centre_ids: Set[str] = frozenset()
    levels: Set[str] = frozenset()


@dataclass(frozen=True)
class Belonging:
    """What a student belongs to; empty where nothing is known."""

    student_id: str
    class_id: str = ""
    specialization_id: str = ""
    centre_id: str = ""
    level: str = ""


def is_meant_for(audience: Audience, student: Belonging) -> bool:
    """Whether any of the lists names the student."""
    return (
        audience.is_everyone
        or student.student_id in audience.student_ids
        or _names(audience.class_ids, student.class_id)
        or _names(audience.specialization_ids, student.specialization_id)
        or _names(audience.centre_ids, student.centre_id)
        or _names(audience.levels, student.level)
    )


def _names(listed: Set[str], value: str) -> bool:
    return value != "" and value in listed
