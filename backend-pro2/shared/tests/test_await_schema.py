"""A pod begins when the database has at least the schema of its code, and else says what it lacks."""

from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from shared import await_schema
from shared.await_schema import main, require_schema
from shared.config import Settings
from shared.errors import ServiceUnavailable
from shared.schema_revision import SCHEMA_REVISION


@pytest.mark.integration
async def test_a_migrated_database_is_enough(settings: Settings) -> None:
    await require_schema(settings)


@pytest.mark.integration
async def test_one_that_is_behind_is_not(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.schema_revision.SCHEMA_REVISION", "9999")
    with pytest.raises(ServiceUnavailable, match="this code needs 9999"):
        await require_schema(settings)


@pytest.mark.integration
async def test_one_that_is_not_made_yet_is_not(settings: Settings) -> None:
    other = urlsplit(settings.database_url.get_secret_value())._replace(path="/nowhere").geturl()
    with pytest.raises(ServiceUnavailable, match="InvalidCatalogNameError"):
        await require_schema(settings.model_copy(update={"database_url": SecretStr(other)}))


async def test_one_that_is_away_is_not() -> None:
    away = Settings(_env_file=None, database_url=SecretStr("postgresql://postgres:x@127.0.0.1:9/x"))
    with pytest.raises(ServiceUnavailable):
        await require_schema(away)


def test_what_does_not_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def behind(_: Settings) -> None:
        raise ServiceUnavailable(f"The database is at revision None; this code needs {SCHEMA_REVISION}.")

    monkeypatch.setattr(await_schema, "require_schema", behind)
    monkeypatch.setattr(await_schema, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(SystemExit, match="the schema is not there: The database is at revision None"):
        main()
