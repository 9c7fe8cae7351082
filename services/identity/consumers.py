"""Identity keeps the audit log of all services."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.audit import AUDIT_TOPIC
from chassis.consuming import Delivery, Subscription, Together
from chassis.copies import keep_once
from chassis.outbox import moment_of
from proto.examhall.chassis.v1.audit_pb2 import AuditRecorded
from services.identity.tables import AuditEntry


async def keep_audit_entries(tx: AsyncSession, heard: Sequence[tuple[AuditRecorded, Delivery]]) -> None:
    """Stores lines of the audit log."""
    await keep_once(tx, AuditEntry, [_row(entry, delivery) for entry, delivery in heard])


def _row(entry: AuditRecorded, delivery: Delivery) -> dict[str, object]:
    return {
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


def _values(text: str) -> dict[str, object] | None:
    return msgspec.json.decode(text, type=dict[str, object]) if text else None


SUBSCRIPTIONS = (Subscription(AUDIT_TOPIC, {AuditRecorded: Together(keep_audit_entries)}),)
