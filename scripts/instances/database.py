"""The instance's database: made when its cluster is new, then brought to the newest revision."""

import asyncio
import subprocess
import sys
import time

import asyncpg

from console import Refusal, note
from environment import inherited
from instance import Address, Instance

TRY_AGAIN = (OSError, asyncpg.CannotConnectNowError, TimeoutError)
LAST_LINES = 8


def ensure_database(instance: Instance, seconds: float) -> None:
    """Wait for the instance's own PostgreSQL and make the database that DATABASE_URL names.

    Raises:
        Refusal: the server is not there in time, or it refuses the password.
    """
    address = instance.address("postgres")
    try:
        asyncio.run(_create(address, time.monotonic() + seconds))
    except TRY_AGAIN as error:
        log = instance.logs / "postgres.log"
        raise Refusal(f"{instance.name}: postgres does not answer after {seconds:.0f} s; see {log}") from error
    except asyncpg.InvalidPasswordError as error:
        raise Refusal(
            f"{instance.name}: the password in DATABASE_URL is not the one its data was made with: put that back, "
            f"or delete the data with ./scripts/stop-dev.sh --project {instance.name} --purge"
        ) from error


async def _create(address: Address, deadline: float) -> None:
    connection = await _connect(address, deadline)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", address.name):
            quoted = address.name.replace('"', '""')
            await connection.execute(f'CREATE DATABASE "{quoted}"')
    finally:
        await connection.close()


async def _connect(address: Address, deadline: float) -> "asyncpg.Connection[asyncpg.Record]":
    while True:
        try:
            return await asyncpg.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password,
                database="postgres",
                timeout=5,
            )
        except TRY_AGAIN:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


def migrate(instance: Instance) -> None:
    """Bring the schema to the newest revision.

    Raises:
        Refusal: a migration failed; holds the end of what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", "scripts/alembic.ini", "upgrade", "head"],
        cwd=instance.code,
        env=inherited() | {"ENV_FILE": str(instance.env_file)},
        capture_output=True,
        text=True,
        check=False,
    )
    log = instance.logs / "migrations.log"
    with log.open("a") as file:
        file.write(done.stdout + done.stderr)
    if done.returncode != 0:
        end = "\n  ".join(done.stderr.strip().splitlines()[-LAST_LINES:])
        raise Refusal(f"{instance.name}: the migrations failed; {log} ends with:\n  {end}")
    if done.stdout:
        note(f"{instance.name}: database migrated {done.stdout.splitlines()[-1]}")
    if "newer code" in done.stderr:
        note(f"{instance.name}: {done.stderr.strip().splitlines()[-1]}")
