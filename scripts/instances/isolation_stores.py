"""Crossings at the servers behind the services: PostgreSQL, Redis with its queues, the object store and Ray."""

import asyncio
from typing import Any

import asyncpg
import celery
import celery.exceptions
import grpc
import minio
import minio.error
import redis
import urllib3
from redis.backoff import NoBackoff
from redis.retry import Retry

from instance import Address, Instance
from isolation import Crossing, NotApplicable, Side, Undecided, credential
from isolation_containers import door, service_of
from modes import LOCAL
from programs import worker_name

SECONDS = 3.0
# A worker answers within milliseconds, unless the machine is very busy; of silence elsewhere this much is believed.
PING_SECONDS, SILENCE_SECONDS = 5.0, 1.5
WORKERS = ("data-worker", "ai-worker")
# An empty request for the names of one namespace: any client that may do anything may do this.
RAY_METHOD, RAY_REQUEST = "/ray.rpc.InternalKVGcsService/InternalKVKeys", b"\x0a\x00"
RAY_REFUSALS = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})


def crossings() -> list[Crossing]:
    """Those of this module."""
    return [
        credential("PostgreSQL", "role and password at the other's database", _database_login),
        credential("PostgreSQL", "the other's database on one's own server", _database_at_home),
        credential("PostgreSQL", "the other's users in one's own tables", _users_in_tables),
        credential("PostgreSQL", "the other's tasks in one's own ledger", _tasks_in_ledger),
        credential("Redis", "password at the other's server", _redis_login),
        Crossing("Redis", "no password", _redis_anonymous, _redis_login),
        credential("queues", "message in one's own broker to the other's workers", _message),
        credential("object store", "keys at the other's bucket", _bucket),
        credential("object store", "the other's bucket at one's own store", _bucket_at_home),
        Crossing("object store", "no keys", _bucket_anonymous, _bucket),
        credential("Ray", "token at the other's head", _ray),
        Crossing("Ray", "no token", _ray_anonymous, _ray),
    ]


def _database_login(who: Side, at: Side) -> str:
    own, theirs = who.instance.address("postgres"), door(at, "postgres")
    return _query(Address(theirs.host, theirs.port, own.user, own.password, theirs.name))


def _database_at_home(who: Side, at: Side) -> str:
    own = door(who, "postgres")
    return _query(Address(own.host, own.port, own.user, own.password, at.instance.address("postgres").name))


def _users_in_tables(who: Side, at: Side) -> str:
    return _query(door(who, "postgres"), "SELECT count(*) FROM users WHERE id = $1", at.guest.user_id)


def _tasks_in_ledger(who: Side, at: Side) -> str:
    statement = "SELECT count(*) FROM analysis_tasks WHERE id = $1"
    return _query(door(who, "postgres"), statement, at.guest.task_id)


def _query(address: Address, statement: str = "SELECT 1", *arguments: str) -> str:
    try:
        found = asyncio.run(_fetch(address, statement, *arguments))
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError):
        return ""
    except asyncpg.InsufficientPrivilegeError:
        return ""
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Undecided(f"PostgreSQL at port {address.port}: {type(error).__name__}") from error
    return f"database {address.name} answers" if found else ""


async def _fetch(address: Address, statement: str, *arguments: str) -> Any:
    connection = await asyncpg.connect(
        host=address.host, port=address.port, user=address.user, password=address.password,
        database=address.name, timeout=SECONDS, command_timeout=SECONDS,
    )  # fmt: skip
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        await connection.close(timeout=SECONDS)


def _redis_login(who: Side, at: Side) -> str:
    own = who.instance.address("redis")
    return _ping(at, own.user or None, own.password)


def _redis_anonymous(_: Side, at: Side) -> str:
    return _ping(at, None, None)


def _ping(at: Side, user: str | None, password: str | None) -> str:
    address = door(at, "redis")
    client = redis.Redis(
        address.host, address.port, username=user, password=password,
        socket_timeout=SECONDS, socket_connect_timeout=SECONDS, retry=Retry(NoBackoff(), 0),
    )  # fmt: skip
    try:
        with client:
            client.ping()
    except (redis.AuthenticationError, redis.ResponseError):
        return ""
    except redis.RedisError as error:
        raise Undecided(f"Redis at port {address.port}: {type(error).__name__}") from error
    return f"Redis at port {address.port} answers"


def _message(who: Side, at: Side) -> str:
    door(who, "redis")
    nodes = workers(at)
    if not nodes:
        raise Undecided("no worker runs")
    seconds = PING_SECONDS if who is at else SILENCE_SECONDS
    with celery.Celery(broker=who.instance.values["REDIS_URL"], set_as_current=False) as application:
        application.conf.broker_transport_options = {"socket_connect_timeout": SECONDS, "max_retries": 1}
        try:
            answers = application.control.broadcast(
                "ping", reply=True, destination=nodes, limit=len(nodes), timeout=seconds
            )
        except (celery.exceptions.OperationalError, redis.RedisError, OSError) as error:
            raise Undecided(f"the broker of {who.name}: {type(error).__name__}") from error
    return ", ".join(sorted(name for answer in answers or [] for name in answer)) + " obeys" if answers else ""


def workers(side: Side) -> list[str]:
    """The names under which the instance's workers answer to Celery."""
    if side.mode == LOCAL:
        return [worker_name(side.instance, name) for name in WORKERS]
    services = [(service_of(one), one) for one in side.containers]
    return [f"{service}@{one['Config']['Hostname']}" for service, one in services if service in WORKERS]


def _bucket(who: Side, at: Side) -> str:
    return _listed(_store(at, who.instance), at.instance.values["S3_BUCKET"])


def _bucket_at_home(who: Side, at: Side) -> str:
    return _listed(_store(who, who.instance), at.instance.values["S3_BUCKET"])


def _bucket_anonymous(_: Side, at: Side) -> str:
    return _listed(_store(at, None), at.instance.values["S3_BUCKET"])


def _store(at: Side, keys: Instance | None) -> minio.Minio:
    """The store of one instance with the keys of another, or with none."""
    address, values = door(at, "object-store"), at.instance.values
    return minio.Minio(
        endpoint=f"{address.host}:{address.port}",
        access_key=keys.values["S3_ACCESS_KEY"] if keys else None,
        secret_key=keys.values["S3_SECRET_KEY"] if keys else None,
        secure=values["S3_ENDPOINT_URL"].startswith("https:"),
        region=values.get("S3_REGION") or "us-east-1",
        http_client=urllib3.PoolManager(timeout=SECONDS, retries=False),
    )


def _listed(store: minio.Minio, name: str) -> str:
    try:
        next(iter(store.list_objects(name)), None)
    except (minio.error.S3Error, minio.error.InvalidResponseError):
        # Some servers' refusals are not the XML that the client expects.
        return ""
    except (OSError, urllib3.exceptions.HTTPError, minio.error.MinioException) as error:
        raise Undecided(f"the object store: {type(error).__name__}") from error
    return f"bucket {name} is listed"


def _ray(who: Side, at: Side) -> str:
    return _ask_ray(at, who.instance.values.get("RAY_AUTH_TOKEN", ""))


def _ray_anonymous(_: Side, at: Side) -> str:
    return _ask_ray(at, "")


def _ask_ray(at: Side, token: str) -> str:
    if not at.instance.ray_enabled:
        raise NotApplicable("RAY_ENABLED is false")
    address = door(at, "ray")
    target = f"{address.host}:{address.port}"
    bearer = [("authorization", f"Bearer {token}")] if token else None
    with grpc.insecure_channel(target, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary(RAY_METHOD)(RAY_REQUEST, timeout=SECONDS, metadata=bearer)
        except grpc.RpcError as error:
            if error.code() in RAY_REFUSALS:
                return ""
            raise Undecided(f"Ray at {target}: {error.code().name}") from error
    return f"the head at {target} answers"
