"""An instance as its stores are reached from this machine, in either mode, published or not."""

import urllib.parse
from dataclasses import dataclass
from functools import cached_property

from containers import Published, containers, inspect
from instance import URL_VARIABLES, Instance
from modes import DOCKER

INNER_PORTS = {"postgres": 5432, "redis": 6379, "object-store": 9000}


@dataclass(frozen=True)
class Direct(Published):
    """An instance in containers: a store that is not published, as in production, by its container's own address.

    The engine's machine reaches those, also on a network that leads nowhere; it does not where the engine is a
    machine of its own, as on macOS.
    """

    @cached_property
    def values(self) -> dict[str, str]:
        """The variables of the .env, with addresses that can be reached."""
        values = dict(super().values)
        hidden = {
            one.id: one.service for one in containers(self) if one.service in INNER_PORTS and not one.is_published
        }
        for facts in inspect(list(hidden)):
            service = hidden[facts["Id"]]
            networks = facts["NetworkSettings"]["Networks"].values()
            if address := next((one["IPAddress"] for one in networks if one["IPAddress"]), ""):
                variable = URL_VARIABLES[service]
                values[variable] = _moved(values.get(variable, ""), f"{address}:{INNER_PORTS[service]}")
        return values


def _moved(url: str, place: str) -> str:
    parts = urllib.parse.urlsplit(url)
    before, separator, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{before}{separator}{place}").geturl()


def reach(instance: Instance, mode: str) -> Instance:
    """The instance with the addresses at which it is reached."""
    if mode != DOCKER:
        return instance
    return Direct(instance.name, instance.number, instance.code, instance.home)
