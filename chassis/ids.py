"""Identifiers: UUIDv7, so that rows created together lie together in an index."""

import uuid

import uuid_utils


def new_id() -> uuid.UUID:
    """A fresh UUIDv7 (RFC 9562, section 5.7)."""
    return uuid.UUID(bytes=uuid_utils.uuid7().bytes)
