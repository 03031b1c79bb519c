"""What a profile may hold."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from ..app.core import time_zones
from ..app.schemas.profiles import ProfileUpdate
from ..app.schemas.users import AccountUpdate, OwnUpdate


@pytest.fixture
def no_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without IANA's database."""
    monkeypatch.setattr(time_zones, "available_timezones", set)
    time_zones._zones.cache_clear()
    yield
    time_zones._zones.cache_clear()


@pytest.mark.parametrize(
    "locale", ["en", "de-AT", "zh-Hant-TW", "sr-Latn", "es-419", "de-CH-1996", "en-US-u-ca-gregory", "en-x-mine"]
)
def test_locales(locale: str) -> None:
    assert ProfileUpdate(locale=locale).locale == locale


@pytest.mark.parametrize(
    "locale", ["", "e", "english language", "en_GB", "en-", "-en", "en\n", "en-GB-", "x" * 40, "é"]
)
def test_bad_locales(locale: str) -> None:
    with pytest.raises(ValidationError):
        ProfileUpdate(locale=locale)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_time_zones(zone: str) -> None:
    assert ProfileUpdate(time_zone=zone).time_zone == zone


@pytest.mark.parametrize(
    "zone", ["", "Mars/Phobos", "../../etc/passwd", "localtime", "Factory", "europe/berlin", "UTC\n", "/UTC"]
)
def test_bad_time_zones(zone: str) -> None:
    with pytest.raises(ValidationError):
        ProfileUpdate(time_zone=zone)


@pytest.mark.usefixtures("no_zones")
def test_without_a_database_of_zones_the_shape_decides() -> None:
    assert ProfileUpdate(time_zone="Europe/Berlin").time_zone == "Europe/Berlin"
    for zone in ("../../etc/passwd", "a/b/c/d", "", "UTC\n"):
        with pytest.raises(ValidationError):
            ProfileUpdate(time_zone=zone)


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_preferences_have_a_depth_and_numbers_that_json_can_carry() -> None:
    assert ProfileUpdate(preferences=nested(16)).preferences == nested(16)
    for bad in (nested(17), {"a": [nested(16)]}, {"a": 2**53 + 1}, {"a": [-(2**70)]}, {"a": float("inf")}):
        with pytest.raises(ValidationError):
            ProfileUpdate(preferences=bad)


@pytest.mark.parametrize(
    "member", ["role", "id", "is_admin", "password_hash", "email_verified", "created_at", "is_active"]
)
def test_users_cannot_give_themselves_what_is_not_theirs_to_give(member: str) -> None:
    with pytest.raises(ValidationError, match=member):
        OwnUpdate.model_validate({member: True})


@pytest.mark.parametrize("member", ["role", "id", "is_admin", "password_hash", "email_verified"])
def test_nor_do_administrators_in_passing(member: str) -> None:
    with pytest.raises(ValidationError, match=member):
        AccountUpdate.model_validate({member: "admin"})


def test_an_own_change_keeps_what_was_given_and_what_was_not() -> None:
    change = OwnUpdate.model_validate({"full_name": None}).for_account()
    assert (change.model_fields_set, change.full_name, change.is_active) == ({"full_name"}, None, None)
