"""A running analytics service for a test."""

from collections.abc import AsyncIterator

import pytest

from chassis.testing import RunningService, running
from services.analytics.app import build
from services.analytics.tests.builders import School


@pytest.fixture
async def service(postgres_url: str, kafka: str) -> AsyncIterator[RunningService]:
    async with running(build, postgres_url, kafka) as running_service:
        yield running_service


@pytest.fixture
def school(service: RunningService) -> School:
    return School(service)
