"""Names of time zones."""

import re
from functools import lru_cache
from zoneinfo import available_timezones

_SHAPE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
# In the system's folder, but no places.
_NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})


def is_time_zone(name: str) -> bool:
    """Whether IANA's database has a zone of this name; on a machine without the database, whether it could be one."""
    zones = _zones()
    return name in zones if zones else _SHAPE.fullmatch(name) is not None


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NOT_ZONES)
