"""The running instances under test, named by E2E_PROJECTS."""

import os
from dataclasses import dataclass

import psutil

from instance import Instance, find

SERVICES = ("api-gateway", "data-service", "ai-service")
_SECRET_WORDS = ("KEY", "PASSWORD", "TOKEN", "DATABASE_URL", "REDIS_URL")
_SHORTEST_SECRET = 12
# Presigned URLs name the key that signed them; by itself it opens nothing.
_NO_SECRETS = {"S3_ACCESS_KEY"}


@dataclass(frozen=True, slots=True)
class Place:
    """One instance: where its services listen, and what must never be seen outside."""

    instance: Instance

    @property
    def project(self) -> str:
        return self.instance.values["PROJECT_ID"]

    @property
    def gateway(self) -> str:
        return self.instance.url("api-gateway")

    @property
    def key(self) -> str:
        """What its tokens are signed with."""
        return self.instance.values["SECRET_KEY"]

    @property
    def secrets(self) -> frozenset[bytes]:
        found = {
            value.encode()
            for name, value in self.instance.values.items()
            if any(word in name for word in _SECRET_WORDS)
            and len(value) >= _SHORTEST_SECRET
            and name not in _NO_SECRETS
        }
        return frozenset(found)

    def url(self, service: str) -> str:
        return self.instance.url(service)

    def processes(self) -> dict[str, int]:
        """Which process listens for each service."""
        ports = {self.instance.address(service).port: service for service in SERVICES}
        listening = [link for link in psutil.net_connections("tcp") if link.status == psutil.CONN_LISTEN]
        found = [(ports.get(link.laddr.port if link.laddr else 0), link.pid or 0) for link in listening]
        return {service: process for service, process in found if service is not None}


def places() -> list[Place]:
    """The instances, in the order of E2E_PROJECTS."""
    return [Place(instance) for instance in find(os.environ["E2E_PROJECTS"].split(","))]
