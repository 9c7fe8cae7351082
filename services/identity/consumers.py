"""Identity keeps the audit log of all services."""

from uuid import UUID

import msgspec
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.audit import AUDIT_TOPIC
from chassis.consuming import Delivery, Subscription
from chassis.outbox import moment_of
from proto.examhall.chassis.v1.audit_pb2 import AuditRecorded
from services.identity.tables import AuditEntry


async def keep_audit_entry(tx: AsyncSession, entry: AuditRecorded, delivery: Delivery) -> None:
    """Stores one line of the audit log."""
    values = {
        "id": UUID(entry.entry_id),
        "recorded_at": moment_of(entry, "recorded_at") or delivery.occurred_at,
        "service": entry.service,
        "actor_id": UUID(entry.actor_id) if entry.actor_id else None,
        "actor_role": entry.actor_role,
        "action": entry.action,
        "entity_type": entry.entity_type,
        "entity_id": entry.entity_id,
        "old_values": _values(entry.old_values_json),
        "new_values": _values(entry.new_values_json),
        "address": entry.client_address,
        "user_agent": entry.user_agent,
    }
    await tx.execute(insert(AuditEntry).values(values).on_conflict_do_nothing())


def _values(text: str) -> dict[str, object] | None:
    return msgspec.json.decode(text, type=dict[str, object]) if text else None


SUBSCRIPTIONS = (Subscription(AUDIT_TOPIC, {AuditRecorded: keep_audit_entry}),)
