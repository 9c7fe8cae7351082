from collections.abc import AsyncIterator

import pytest

from services.proctoring.tests.taking_in.builders import Hall, open_hall


@pytest.fixture
async def hall(postgres_url: str, kafka: str) -> AsyncIterator[Hall]:
    async with open_hall(postgres_url, kafka) as hall:
        yield hall
