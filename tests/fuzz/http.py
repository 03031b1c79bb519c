"""Bytes over TCP to each of the three services: what they answer, whom, and how they are meanwhile."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import httpx

from ..adversarial.places import SERVICES, Place
from ..adversarial.wire import own_address
from ..e2e.api import Api
from .cases import chance, chosen, numbers
from .http_cases import Case, Maker
from .http_client import converse
from .http_requests import Doors
from .http_rules import broken, outcome
from .report import Report
from .target import add_target, target
from .vitals import Vitals

COUNT = 20_000
AT_ONCE = 64
NEIGHBOUR = "the neighbour"
GATEWAY = SERVICES[0]
# Paths of each service behind the gateway.
FAMILIES = ("datasets", "tasks")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)


def run(options: argparse.Namespace) -> Report:
    """`count` conversations with each service."""
    with target(options) as place:
        return asyncio.run(attack(place, options))


async def attack(place: Place, options: argparse.Namespace) -> Report:
    """The same, with an instance that runs."""
    report = Report("http", options.seed)
    person = Api(place.gateway, own_address()).signed_up()
    vitals = Vitals(place)
    try:
        async with _meanwhile(vitals.ask()), _meanwhile(neighbour(place, person, report)):
            for service in chosen(SERVICES, options):
                maker = Maker(doors(place, service, person))
                await _all(place, service, maker, options, report)
                if service == GATEWAY:
                    vitals.warm()
    finally:
        person.client.close()
    await vitals.judge(report)
    return report


def doors(place: Place, service: str, person: Api) -> Doors:
    """The paths of a service, by its own word."""
    answer = httpx.get(f"{place.url(service)}/openapi.json", timeout=60).raise_for_status()
    paths = tuple(path.encode() for path in answer.json()["paths"])
    prefix = b"/api/v1" if service == "api-gateway" else b""
    return Doors(paths, prefix, str(person.tokens["access_token"]).encode())


async def _all(place: Place, service: str, maker: Maker, options: argparse.Namespace, report: Report) -> None:
    """All cases of a service, some at a time."""
    ahead = numbers(options.count or COUNT, options)
    await asyncio.gather(*(_some(place, service, maker, ahead, report) for _ in range(AT_ONCE)))


async def _some(place: Place, service: str, maker: Maker, ahead: Iterator[int], report: Report) -> None:
    for number in ahead:
        case = maker.case(number, chance(report.seed, service, number))
        heard = await converse(place.url(service), case)
        report.count(service, f"{case.kind}: {outcome(case, heard)}")
        found = broken(case, heard, place.secrets)
        if service == GATEWAY:
            found += await follow(place.gateway, number)
        for what in found:
            report.fail(service, number, f"[{case.kind}] {what} (sent {case.sent[:200]!r})")


async def follow(url: str, number: int) -> list[str]:
    """Somebody else who asks next, and is told of something else where the case has left a connection in disorder."""
    found = []
    for family in FAMILIES:
        path = f"/api/v1/{family}/q{number}i1z"
        head = f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode()
        heard = await converse(url, Case("follower", number, (head,), answers=1))
        told = [reply.body for reply in heard.answers.replies]
        if len(told) != 1 or path.encode() not in told[0]:
            found.append(f"who asks next is told {told}")
    return found


async def neighbour(place: Place, person: Api, report: Report) -> None:
    """Somebody who asks, behind the gateway, for one thing after the other, and must be told of that one each time."""
    connector = aiohttp.TCPConnector(local_addr=(own_address(), 0))
    headers = {"Authorization": f"Bearer {person.tokens['access_token']}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        number = 0
        while True:
            for family in FAMILIES:
                number += 1
                path = f"/api/v1/{family}/neighbour{number}"
                async with session.get(place.gateway + path) as answer:
                    told = await answer.read()
                report.count(NEIGHBOUR, str(answer.status))
                if _instance(told) != path:
                    report.fail(NEIGHBOUR, number, f"asked for {path} and was told {told[:200]!r}")
            await asyncio.sleep(0.02)


def _instance(told: bytes) -> object:
    """What a problem document is about; None for anything else, as a stranger's answer may be."""
    try:
        problem = json.loads(told)
    except ValueError:
        return None
    return problem.get("instance") if isinstance(problem, dict) else None


@asynccontextmanager
async def _meanwhile(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """The work goes on while the block does; what goes wrong in it is raised."""
    task = asyncio.create_task(work)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
