from collections.abc import AsyncIterator

import pytest

from services.exams.tests.builders import Office, open_office


@pytest.fixture
async def office(postgres_url: str, kafka: str) -> AsyncIterator[Office]:
    async with open_office(postgres_url, kafka) as running_office:
        yield running_office
