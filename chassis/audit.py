"""The audit trail: who did what to what, recorded in the transaction of the change and kept by identity."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.actors import Actor
from chassis.clock import now
from chassis.ids import new_id
from chassis.outbox import record_event, timestamp
from proto.examhall.chassis.v1.audit_pb2 import AuditRecorded

AUDIT_TOPIC = "audit.entries.v1"


def record_audit(
    tx: AsyncSession,
    actor: Actor | None,
    action: str,
    entity_type: str,
    entity_id: UUID | str,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> None:
    """Records that `actor` (None: the system) did `action`. `old` and `new` hold what changed, never a secret."""
    entry = AuditRecorded(
        entry_id=str(new_id()),
        recorded_at=timestamp(now()),
        service=tx.info.get("service", ""),
        action=action,
        entity_type=entity_type,
        entity_id=str(entity_id),
        old_values_json=_json(old),
        new_values_json=_json(new),
    )
    if actor is not None:
        entry.actor_id = str(actor.person_id)
        entry.actor_role = actor.role
        entry.client_address = actor.address
        entry.user_agent = actor.user_agent
    record_event(tx, AUDIT_TOPIC, entity_id, entry)


def _json(values: Mapping[str, Any] | None) -> str:
    return "" if values is None else msgspec.json.encode(dict(values), enc_hook=str).decode()
