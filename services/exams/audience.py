"""Whom an exam is for. An audience and a student are both sets of keys; an exam is for a student when they share one
(in SQL: `audience_keys && audience_keys`).
"""

from uuid import UUID

from msgspec import Struct

EVERYONE = "everyone"


class Audience(Struct, frozen=True, kw_only=True):
    """Whom the author names; each kind adds students, none takes any away."""

    is_everyone: bool = False
    class_ids: tuple[UUID, ...] = ()
    specialization_ids: tuple[UUID, ...] = ()
    centre_ids: tuple[UUID, ...] = ()
    levels: tuple[str, ...] = ()
    student_ids: tuple[UUID, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """What a student must share one of."""
        return frozenset(
            [EVERYONE] * self.is_everyone
            + [f"class:{one}" for one in self.class_ids]
            + [f"specialization:{one}" for one in self.specialization_ids]
            + [centre_key(one) for one in self.centre_ids]
            + [f"level:{one}" for one in self.levels if one]
            + [f"student:{one}" for one in self.student_ids]
        )


def centre_key(centre_id: UUID | str) -> str:
    """The key of all students of a centre."""
    return f"centre:{centre_id}"


def student_keys(
    student_id: UUID | str, class_id: str = "", specialization_id: str = "", centre_id: str = "", level: str = ""
) -> frozenset[str]:
    """What a student brings; an empty value is a group that the student is not in."""
    keys = {EVERYONE, f"student:{student_id}"}
    if class_id:
        keys.add(f"class:{class_id}")
    if specialization_id:
        keys.add(f"specialization:{specialization_id}")
    if centre_id:
        keys.add(centre_key(centre_id))
    if level:
        keys.add(f"level:{level}")
    return frozenset(keys)
