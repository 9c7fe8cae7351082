"""A running proctoring service for a test."""

from collections.abc import AsyncIterator

import pytest

from services.proctoring.tests.desk import Desk, a_desk


@pytest.fixture
async def desk(postgres_url: str, kafka: str) -> AsyncIterator[Desk]:
    async with a_desk(postgres_url, kafka) as running_desk:
        yield running_desk
