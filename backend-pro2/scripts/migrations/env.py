"""Runs the migrations against DATABASE_URL, one migrator at a time."""

import sys
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationInfo
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from shared.config import get_settings

# Any constant will do, as long as every migrator of every version takes the same lock.
MIGRATION_LOCK = 7_215_004


def migrate() -> None:
    """Upgrade or downgrade inside one transaction per revision, waiting for any other migrator to finish."""
    url = get_settings().database_url.get_secret_value().replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()
        _run(connection)


def _run(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True, on_version_apply=_tell)
    if _command() == "upgrade" and (newer := _unknown_revision()):
        # The way back of an upgrade: migrations only add, so this code works on what newer code has made.
        sys.stderr.write(f"the database is at {newer}, which newer code has made: left as it is\n")
        return
    with context.begin_transaction():
        context.run_migrations()


def _command() -> str:
    """The command of alembic that runs this; empty if it is called by a program."""
    options = context.config.cmd_opts
    return options.cmd[0].__name__ if options else ""


def _unknown_revision() -> str:
    """The database's revision, if it is beyond all that these scripts know; else empty."""
    newest = context.script.get_current_head() or ""
    return next((found for found in context.get_context().get_current_heads() if found > newest), "")


def _tell(*, step: MigrationInfo, **_: Any) -> None:
    # For the one who upgrades, and for the log of migrations.
    sys.stdout.write(f"{'up' if step.is_upgrade else 'down'} to {', '.join(step.destination_revision_ids) or 'base'}\n")


migrate()
