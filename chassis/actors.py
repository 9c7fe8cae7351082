"""Who is acting: what a checked access token says, and no more."""

from uuid import UUID

import msgspec

from chassis.errors import Forbidden


class Actor(msgspec.Struct, frozen=True):
    """The person behind a request. `address` and `user_agent` are for the audit log, not for decisions about rights."""

    person_id: UUID
    role: str
    session_id: UUID
    centre_id: UUID | None = None
    address: str = ""
    user_agent: str = ""

    def is_(self, *roles: str) -> bool:
        """Whether the actor has one of these roles."""
        return self.role in roles

    def require(self, *roles: str) -> None:
        """Raises Forbidden unless the actor has one of these roles."""
        if self.role not in roles:
            raise Forbidden(f"This needs the role {' or '.join(roles)}; you are signed in as {self.role}.")
