"""Makes an administrator: `python -m api-gateway.app.create_admin --email E`, called by scripts/create-admin.sh.

The password comes from a prompt or from one line of standard input, since everybody on the machine can read arguments.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from getpass import getpass
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from shared.auth import PasswordHasher
from shared.config import Settings, get_settings
from shared.database import Database
from shared.errors import APIException, ServiceUnavailable
from shared.identity import SessionCache
from shared.logging import configure_logging
from shared.redis_client import RedisClient
from shared.schema_revision import check_schema

from .repositories import unit_of_work
from .schemas.auth import Registration
from .services.administrator import Administrators

MADE, REFUSED, INTERRUPTED = 0, 1, 130
# Takes the place of a password that --promote does not need.
NO_PASSWORD = "-"  # noqa: S105 - it is none


class Refusal(Exception):
    """Why nothing was done."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the answer is the exit code. The id goes to standard output, words go to standard error."""
    options = _parser().parse_args(arguments)
    try:
        settings = get_settings()
        configure_logging(settings.model_copy(update={"log_level": "ERROR"}), "create-admin")
        account = _account(options)
        user_id = asyncio.run(_make(settings, account, promote=options.promote))
    except (Refusal, APIException, asyncpg.PostgresError, ValidationError) as error:
        sys.stderr.write(f"error: {_reason(error)}\n")
        return REFUSED
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    sys.stderr.write(f"{account.email} is an administrator of {settings.project_id}\n")
    sys.stdout.write(f"{user_id}\n")
    return MADE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="create_admin", description="Make an administrator.", allow_abbrev=False)
    parser.add_argument("--email", required=True)
    parser.add_argument("--name", help="full name")
    parser.add_argument("--promote", action="store_true", help="make an existing account an administrator")
    return parser


def _account(options: argparse.Namespace) -> Registration:
    # The address is looked at before anybody types a password.
    account = Registration(email=options.email, password=NO_PASSWORD, full_name=options.name)
    return account if options.promote else account.model_copy(update={"password": _password()})


def _password() -> str:
    if sys.stdin.isatty():
        try:
            password = getpass("Password: ")
            if getpass("Again: ") != password:
                raise Refusal("the two passwords differ")
        except EOFError as error:
            raise Refusal("no password was typed") from error
        return password
    try:
        password = sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Refusal("the password on standard input is not UTF-8") from error
    if not password:
        raise Refusal("no password on standard input: send it as one line")
    return password


async def _make(settings: Settings, account: Registration, *, promote: bool) -> UUID:
    database, redis, hasher = Database(settings), RedisClient(settings), PasswordHasher(settings)
    cache = SessionCache(redis, settings.access_token_expire_minutes * 60)
    administrators = Administrators(unit_of_work(database), hasher, cache)
    try:
        await check_schema(database)
        return await (administrators.promote(account.email) if promote else administrators.create(account))
    finally:
        hasher.close()
        await redis.close()
        await database.close()


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        # Names what is wrong and never shows it: it may be a secret of the .env.
        faults = ((".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors())
        return "; ".join(f"{place}: {says.removeprefix('Value error, ')}" for place, says in faults)
    if isinstance(error, asyncpg.PostgresError):
        return f"the database refuses: {type(error).__name__}; has the instance been started?"
    if isinstance(error, ServiceUnavailable):
        return f"{error} Has the instance been started?"
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
