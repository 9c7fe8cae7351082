"""A database with the sample service's tables."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.ids import new_id
from chassis.tests import sample


@pytest.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    async with sample_database(postgres_url) as url:
        yield url


@pytest.fixture
async def other_database_url(postgres_url: str) -> AsyncIterator[str]:
    async with sample_database(postgres_url) as url:
        yield url


@asynccontextmanager
async def sample_database(postgres_url: str) -> AsyncIterator[str]:
    """A fresh database with the sample's tables, dropped afterwards."""
    name = f"test_sample_{new_id().hex}"
    admin = create_async_engine(
        make_url(postgres_url).set(drivername="postgresql+asyncpg"), isolation_level="AUTOCOMMIT"
    )
    async with admin.connect() as connection:
        await connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    url = make_url(postgres_url).set(database=name)
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        await connection.run_sync(sample.Table.metadata.create_all)
    await engine.dispose()
    yield url.render_as_string(hide_password=False)
    async with admin.connect() as connection:
        await connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    await admin.dispose()
