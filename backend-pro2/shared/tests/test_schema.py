"""The two ways to a schema, scripts/init-db.sql and the migrations, lead to the same one."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shared.config import get_settings
from shared.database import Database
from shared.errors import ServiceUnavailable
from shared.schema_revision import SCHEMA_REVISION, check_schema

PROJECT = Path(__file__).parents[2]

# Everything a statement could notice: columns, constraints, indexes, views, partitions, comments.
CATALOG = """
SELECT 'column' AS kind, table_name || '.' || column_name AS name,
       concat_ws(' ', data_type, is_nullable, column_default, character_maximum_length::text) AS definition
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'public'
UNION ALL
SELECT 'partition', inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits
UNION ALL
SELECT 'comment', objoid::regclass || coalesce('.' || attname, ''), description
FROM pg_description LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0
WHERE classoid = 'pg_class'::regclass
    AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
ORDER BY 1, 2, 3
"""


@asynccontextmanager
async def empty_database() -> AsyncIterator[str]:
    server = get_settings().database_url.get_secret_value()
    name = f"schema_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
        yield re.sub(r"/[^/]*$", f"/{name}", server)
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


async def catalog(url: str) -> list[tuple[str, str, str]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(CATALOG)]
    finally:
        await connection.close()


async def alembic(url: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alembic", "-c", "scripts/alembic.ini", *arguments),
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await process.communicate()
    assert process.returncode == 0, (said + errors).decode()
    return said.decode()


@pytest.mark.integration
async def test_init_db_and_migrations_give_the_same_schema() -> None:
    async with empty_database() as by_script, empty_database() as by_migration:
        connection = await asyncpg.connect(by_script)
        await connection.execute((PROJECT / "scripts" / "init-db.sql").read_text())
        await connection.close()
        said = await alembic(by_migration, "upgrade", "head")
        assert said.splitlines()[-1] == f"up to {SCHEMA_REVISION}"
        expected = await catalog(by_script)
        assert len(expected) > 150
        assert await catalog(by_migration) == expected


@pytest.mark.integration
async def test_migrations_go_back_and_two_migrators_do_not_meet() -> None:
    async with empty_database() as url:
        await asyncio.gather(alembic(url, "upgrade", "head"), alembic(url, "upgrade", "head"))
        assert len(await catalog(url)) > 150
        assert await alembic(url, "upgrade", "head") == ""
        assert (await alembic(url, "downgrade", "base")).splitlines()[-1] == "down to base"
        assert {name.split(".")[0] for kind, name, _ in await catalog(url) if kind == "column"} == {"alembic_version"}


async def set_revision(url: str, revision: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
    finally:
        await connection.close()


async def revision_of(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()


@pytest.mark.integration
async def test_code_of_before_an_upgrade_leaves_the_newer_schema_as_it_is() -> None:
    async with empty_database() as url:
        await alembic(url, "upgrade", "head")
        await set_revision(url, "9998")
        assert await alembic(url, "upgrade", "head") == ""
        assert await revision_of(url) == "9998"
        with pytest.raises(AssertionError, match="9998"):
            await alembic(url, "downgrade", "-1")
        # What is neither known nor newer is no database of ours.
        await set_revision(url, "0007x")
        with pytest.raises(AssertionError, match="0007x"):
            await alembic(url, "upgrade", "head")


@pytest.mark.integration
async def test_readiness_asks_for_the_newest_revision() -> None:
    async with empty_database() as url:
        settings = get_settings().model_copy(update={"database_url": type(get_settings().database_url)(url)})
        database = Database(settings)
        try:
            with pytest.raises(ServiceUnavailable, match="at revision None"):
                await check_schema(database)
            await alembic(url, "upgrade", "head")
            await check_schema(database)
        finally:
            await database.close()


def test_the_code_names_the_newest_migration() -> None:
    versions = sorted(path.name[:4] for path in (PROJECT / "scripts" / "migrations" / "versions").glob("0*.py"))
    assert versions[-1] == SCHEMA_REVISION
    assert f"VALUES ('{SCHEMA_REVISION}')" in (PROJECT / "scripts" / "init-db.sql").read_text()
