"""What the REST routes of seating plans take and give."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from chassis.http import Body
from services.exams.rooms import MAX_ROOMS, MAX_STUDENTS, Room, room_name
from services.exams.views.fields import Line


def _as_kept(given: Any) -> Any:
    return room_name(given) if isinstance(given, str) else given


RoomName = Annotated[str, StringConstraints(min_length=1, max_length=80), Line, BeforeValidator(_as_kept)]


class RoomBody(Body):
    """A room and who sits in it. Case and spaces make no other name."""

    name: RoomName
    student_ids: list[UUID] = Field(min_length=1, max_length=MAX_STUDENTS)


class SeatingBody(Body):
    """The whole plan; no rooms take it away."""

    rooms: list[RoomBody] = Field(
        max_length=MAX_ROOMS, description=f"a student sits in one of them; {MAX_STUDENTS} students at most in all"
    )

    def plan(self) -> list[Room]:
        """The plan as it was given."""
        return [Room(room.name, tuple(room.student_ids)) for room in self.rooms]


class RoomOut(BaseModel):
    """A room and who sits in it."""

    name: str
    student_ids: list[UUID]


class SeatingOut(BaseModel):
    """The plan in force. Its ETag is that of the exam."""

    exam_id: UUID
    rooms: list[RoomOut] = Field(description="by name; none: no plan")

    @classmethod
    def of(cls, exam_id: UUID, rooms: list[Room]) -> "SeatingOut":
        """The view of a plan."""
        shown = [RoomOut(name=room.name, student_ids=list(room.student_ids)) for room in rooms]
        return cls(exam_id=exam_id, rooms=shown)
