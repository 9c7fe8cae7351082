"""One running identity service for a test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.identity.tests.builders import School, a_school


@pytest.fixture
async def school(postgres_url: str, kafka: str, tmp_path: Path) -> AsyncIterator[School]:
    async with a_school(postgres_url, kafka, tmp_path) as running_school:
        yield running_school
