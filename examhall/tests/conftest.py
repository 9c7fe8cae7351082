"""Folders for machines: outside of pytest's own, which other runs close to the user that PostgreSQL runs as."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder."""
    with tempfile.TemporaryDirectory(prefix="examhall-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@pytest.fixture(scope="module")
def folder_of_the_module() -> Iterator[Path]:
    """An empty folder for all tests of a module."""
    with tempfile.TemporaryDirectory(prefix="examhall-", ignore_cleanup_errors=True) as made:
        yield Path(made)
