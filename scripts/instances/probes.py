"""Ask each part of an instance whether it works: one real question each, with what it says of itself."""

import asyncio
import base64
import http.client
import importlib.metadata
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import asyncpg
import celery
import celery.exceptions
import minio.error
import redis
import urllib3

from bucket import object_store
from instance import Address, Instance
from programs import RAY_AGENT_OFFSET, worker_name

TIMEOUT_SECONDS = 3.0
FAILURES = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    redis.RedisError,
    minio.error.MinioException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    json.JSONDecodeError,
    celery.exceptions.OperationalError,
)


@dataclass(frozen=True)
class Reading:
    """What a part said of itself; not ok means that it refused or said it cannot work."""

    ok: bool
    version: str = ""
    note: str = ""
    degraded: bool = False


def ask(instance: Instance, service: str) -> Reading:
    """One question to one part, answered within a few seconds."""
    try:
        return PROBES[service](instance)
    except FAILURES as error:
        return Reading(ok=False, note=_reason(error))


def _reason(error: BaseException) -> str:
    # Messages of drivers may hold addresses with credentials; a class and an errno do not.
    if isinstance(error, asyncpg.InvalidPasswordError):
        return "the password in DATABASE_URL is not the one its data was made with"
    if isinstance(error, redis.AuthenticationError):
        return "the password in REDIS_URL is not the server's"
    if isinstance(error, ConnectionRefusedError | redis.ConnectionError):
        return "nobody listens"
    return "no answer in time" if isinstance(error, TimeoutError | redis.TimeoutError) else type(error).__name__


def _postgres(instance: Instance) -> Reading:
    return asyncio.run(_postgres_version(instance))


async def _postgres_version(instance: Instance) -> Reading:
    address = instance.address("postgres")
    connection = await asyncpg.connect(
        host=address.host, port=address.port, user=address.user, password=address.password,
        database=address.name, timeout=TIMEOUT_SECONDS, command_timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    try:
        return Reading(ok=True, version=str(await connection.fetchval("SHOW server_version")).split(" ")[0])
    finally:
        await connection.close(timeout=TIMEOUT_SECONDS)


def _redis(instance: Instance) -> Reading:
    with redis.Redis.from_url(
        instance.values["REDIS_URL"], socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
    ) as client:
        facts = client.info("server")
    name = facts.get("server_name", "redis")
    return Reading(ok=True, version=str(facts.get(f"{name}_version") or facts["redis_version"]))


def _object_store(instance: Instance) -> Reading:
    object_store(instance).list_buckets()
    return Reading(ok=True)


def _prometheus(instance: Instance) -> Reading:
    status, _ = _get(instance.address("prometheus"), "/-/ready")
    _, body = _get(instance.address("prometheus"), "/api/v1/status/buildinfo")
    return Reading(ok=status == 200, version=str(json.loads(body)["data"]["version"]), note=_firing(instance))


def _firing(instance: Instance) -> str:
    """Alerts that fire; their runbooks stand in docs/runbooks.md."""
    _, body = _get(instance.address("prometheus"), "/api/v1/alerts")
    found = [alert["labels"] for alert in json.loads(body)["data"]["alerts"] if alert["state"] == "firing"]
    names = sorted({labels["alertname"] for labels in found if labels["severity"] != "none"})
    return f"firing: {', '.join(names)}" if names else ""


def _ray(instance: Instance) -> Reading:
    """The head's directory answers, and its node's agent says that the node is well."""
    address = instance.address("ray")
    with socket.create_connection((address.host, address.port), TIMEOUT_SECONDS):
        version = importlib.metadata.version("ray")
    if instance.is_external("ray"):
        return Reading(ok=True, version=version)
    agent = Address(address.host, address.port + RAY_AGENT_OFFSET)
    status, _ = _get(agent, "/api/local_raylet_healthz")
    return Reading(ok=status == 200, version=version, note="" if status == 200 else "its node is not well")


def _http_service(name: str) -> Callable[[Instance], Reading]:
    def probe(instance: Instance) -> Reading:
        status, body = _get(instance.address(name), "/ready")
        report = json.loads(body)
        ailing = [key for key, answer in report.get("dependencies", {}).items() if answer["status"] != "healthy"]
        notes = [f"{key}: {report['dependencies'][key].get('note', 'failed')}" for key in ailing]
        return Reading(status == 200, str(report.get("version", "")), "; ".join(notes), degraded=bool(ailing))

    return probe


def _worker(name: str) -> Callable[[Instance], Reading]:
    def probe(instance: Instance) -> Reading:
        with celery.Celery(broker=instance.values["REDIS_URL"], set_as_current=False) as application:
            node = worker_name(instance, name)
            answers = application.control.broadcast(
                "ping", reply=True, destination=[node], limit=1, timeout=TIMEOUT_SECONDS
            )
        return Reading(ok=bool(answers), note="" if answers else "does not answer")

    return probe


def _beat(_: Instance) -> Reading:
    # It has no door to knock at; that it runs is all there is to know.
    return Reading(ok=True)


def _flower(instance: Instance) -> Reading:
    address = instance.address("flower")
    credentials = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
    status, _ = _get(address, "/api/workers", {"Authorization": f"Basic {credentials}"})
    note = "" if status == 200 else f"it answers {status}"
    return Reading(ok=status == 200, version=importlib.metadata.version("flower"), note=note)


def _get(address: Address, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


PROBES: dict[str, Callable[[Instance], Reading]] = {
    "postgres": _postgres,
    "redis": _redis,
    "object-store": _object_store,
    "prometheus": _prometheus,
    "ray": _ray,
    "api-gateway": _http_service("api-gateway"),
    "data-service": _http_service("data-service"),
    "ai-service": _http_service("ai-service"),
    "data-worker": _worker("data-worker"),
    "ai-worker": _worker("ai-worker"),
    "beat": _beat,
    "flower": _flower,
}
