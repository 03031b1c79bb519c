"""Bodies of /users/me/profile."""

import math
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from shared.schemas import ApiModel, RequestModel

from ..core.time_zones import is_time_zone
from .auth import FullName

MAXIMUM_PREFERENCE_DEPTH = 16
# What JSON readers agree on; beyond it numbers lose digits, or cannot be written at all.
LARGEST_INTEGER = 2**53

# The grammar of BCP 47 without its grandfathered tags: language, script, region, variants, extensions, private use.
_LOCALE = (
    r"^([A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?"
    r"(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(-[A-WY-Za-wy-z0-9](-[A-Za-z0-9]{2,8})+)*(-[Xx](-[A-Za-z0-9]{1,8})+)?$"
)
_PREFERENCES: dict[str, JsonValue] = {"theme": "dark", "tables": {"rows": 50}}


def _known_zone(name: str) -> str:
    if not is_time_zone(name):
        raise ValueError("this is not a time zone of the IANA database, such as Europe/Berlin")
    return name


def _portable(preferences: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _check(preferences, 1)
    return preferences


def _check(value: JsonValue, depth: int) -> None:
    if depth > MAXIMUM_PREFERENCE_DEPTH:
        raise ValueError(f"nested deeper than {MAXIMUM_PREFERENCE_DEPTH} levels")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("numbers must be finite")
    elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ValueError("integers may not exceed 2^53; send larger ones as text")


Locale = Annotated[str, StringConstraints(pattern=_LOCALE, max_length=35)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
Preferences = Annotated[dict[str, JsonValue], AfterValidator(_portable)]


class Profile(ApiModel):
    """How a user likes to be addressed."""

    full_name: str | None
    locale: str = Field(description="A BCP 47 language tag.")
    time_zone: str = Field(description="A name of the IANA time zone database.")
    preferences: dict[str, JsonValue] = Field(description="Whatever the application keeps here.")
    avatar_url: str | None = Field(description="Where the picture is; null while there is none.")

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "full_name": "Ada Lovelace",
                "locale": "en-GB",
                "time_zone": "Europe/London",
                "preferences": _PREFERENCES,
                "avatar_url": "/api/v1/users/me/avatar",
            }
        }
    )


class ProfileUpdate(RequestModel):
    """Members that are absent stay as they are."""

    full_name: FullName | None = Field(None, description="null takes the name away.")
    locale: Locale | None = Field(None, description="A BCP 47 language tag; null makes it `en` again.")
    time_zone: TimeZone | None = Field(None, description="Such as Europe/Berlin; null makes it UTC again.")
    preferences: Preferences | None = Field(
        None, description="Merged into what is there (RFC 7396): null takes a member away, at most 16 KiB remain."
    )

    model_config = ConfigDict(
        json_schema_extra={"example": {"time_zone": "Europe/Berlin", "preferences": {"theme": "dark", "beta": None}}}
    )


class Avatar(ApiModel):
    """A picture that was stored."""

    avatar_url: str
    media_type: str
    bytes: int

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"avatar_url": "/api/v1/users/me/avatar", "media_type": "image/png", "bytes": 20480}
        }
    )
