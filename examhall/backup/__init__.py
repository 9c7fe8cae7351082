"""Backup and restore: all databases as they stood at one instant, encrypted, and put back so that events go on where they were."""
