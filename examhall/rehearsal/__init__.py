"""The dress rehearsal: a class of invented students sits an exam through the gateway, and every promise made to them is checked."""

from examhall.rehearsal.rehearsal import rehearse

__all__ = ["rehearse"]
