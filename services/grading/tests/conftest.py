"""One running grading service for a test, with stand-ins for the services it asks."""

from collections.abc import AsyncIterator

import pytest

from services.grading.tests.builders import Office, an_office


@pytest.fixture
async def office(postgres_url: str, kafka: str) -> AsyncIterator[Office]:
    async with an_office(postgres_url, kafka) as running_office:
        yield running_office
