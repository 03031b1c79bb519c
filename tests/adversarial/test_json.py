"""Hostile values in every member of every JSON body, and bodies that are none, on every route (A28, A47, A49, A50)."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from .catalogue import Catalogue, Operation, looking, request_of
from .conftest import Call
from .hostile import NO_OBJECTS, ODD, STRINGS, VALUES, Place, places, with_value
from .people import People
from .rules import RULES, Least
from .wire import Answer, Attacker, new_mark
from .world import World

pytestmark = pytest.mark.e2e

AT_ONCE = 6
JSON = {"Content-Type": "application/json"}
WITH_BODY = [name for name, rule in RULES.items() if isinstance(rule.body, dict)]
# Large bodies take time; one route of each reader of bodies is enough.
LARGE = 50_000
TAKING_LARGE = {
    "auth_login",
    "auth_register",
    "projects_create",
    "users_me_profile_update",
    "process_query",
    "analysis_submit",
}
NEEDING_NONE = {"upload_sessions_complete"}
KINDS = ("text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml")


class Target:
    """One operation, a caller who may use it, and a body that it takes."""

    def __init__(self, name: str, operation: Operation, people: People, world: World, spare_id: str) -> None:
        rule = RULES[name]
        request = request_of(operation, rule, looking(world, user_id=spare_id))
        self.operation = operation
        self.path = request.path
        self.token = people.token("administrator" if rule.admin or rule.least is Least.ADMIN else "owner", rule, world)
        self.body: dict[str, Any] = json.loads(request.data or b"{}")
        if name.startswith("analysis_"):
            # So that what is valid after all is refused at the last moment instead of keeping the workers busy.
            people.administrator.ok("PUT", f"/projects/{world.project_id}/quotas", json={"max_tasks": 0})

    async def send(
        self, attacker: Attacker, data: bytes, mark: str | None = None, kind: str = JSON["Content-Type"]
    ) -> Answer:
        headers = {"Content-Type": kind} if kind else {}
        answer = await attacker.send(
            self.operation.method, self.path, token=self.token, data=data, headers=headers, mark=mark
        )
        assert answer.code != "rate_limited", answer
        return answer


@pytest.fixture(scope="module")
def targets(catalogue: Catalogue, people: People) -> Iterator[dict[str, Target]]:
    world = World(people.place.gateway, people.world.helpers)
    # Whoever is changed may well be locked out by it.
    spare = World(people.place.gateway)
    world.task_id, world.model_alias, world.conversation_id  # noqa: B018 - made before the quota forbids it
    # Of uploads, one user may ask for fewer a minute than are asked for here.
    uploading = {name: World(people.place.gateway) for name in WITH_BODY if name.startswith("upload_")}
    yield {
        name: Target(name, catalogue.operations[name], people, uploading.get(name, world), spare.user_id)
        for name in WITH_BODY
    }
    world.owner.ok("GET", "/auth/me")
    for opened in (world, spare, *uploading.values()):
        opened.close()


async def in_turn(attacker: Attacker, target: Target, bodies: list[tuple[bytes, str]]) -> AsyncIterator[Answer]:
    """The answers to so many bodies, a few in flight at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(body: bytes, mark: str) -> Answer:
        async with turns:
            return await target.send(attacker, body, mark)

    for answer in await asyncio.gather(*(one(body, mark) for body, mark in bodies)):
        yield answer


def is_kept(answer: Answer, place: Place, text: str) -> bool:
    """Whether a value that was taken is shown as it was sent, if it is shown."""
    if answer.status >= 400 or not answer.is_document or len(place) > 1:
        return True
    shown, sent = answer.json().get(place[0]), json.loads(text)
    if not isinstance(shown, str) or not isinstance(sent, str):
        return True
    # A webhook's secret comes in the form that receivers take.
    standard = f"whsec_{base64.b64encode(sent.encode('utf-8', 'replace')).decode()}"
    return shown in (sent, sent.strip(), sent.lower(), standard)


@pytest.mark.parametrize("name", WITH_BODY)
async def test_hostile_values(attackers: Call, targets: dict[str, Target], name: str) -> None:
    target = targets[name]
    assert target.operation.body is not None
    for place in places(target.operation.body, target.body):
        marks = [new_mark() for _ in VALUES]
        texts = [value.replace("{mark}", mark) for value, mark in zip(VALUES, marks, strict=True)]
        bodies = [(with_value(target.body, place, text), mark) for text, mark in zip(texts, marks, strict=True)]
        number = 0
        async for answer in in_turn(attackers(), target, bodies):
            assert is_kept(answer, place, texts[number]), f"{place} {texts[number][:80]}: {answer}"
            if number < 4:
                # NUL and half characters can be stored nowhere.
                assert 400 <= answer.status < 500, f"{place} {texts[number][:80]}: {answer}"
            number += 1
        assert number == len(VALUES) > len(STRINGS)


@pytest.mark.parametrize("name", WITH_BODY)
async def test_bodies_that_are_no_objects(attackers: Call, targets: dict[str, Target], name: str) -> None:
    attacker, target = attackers(), targets[name]
    for kind, body in NO_OBJECTS.items():
        if (len(body) > LARGE and name not in TAKING_LARGE) or (kind in ("nothing", "null") and name in NEEDING_NONE):
            continue
        answer = await target.send(attacker, body)
        assert answer.status in (400, 413, 415, 422), f"{kind}: {answer}"


@pytest.mark.parametrize("name", WITH_BODY)
async def test_bodies_written_oddly(attackers: Call, targets: dict[str, Target], name: str) -> None:
    attacker, target = attackers(), targets[name]
    for change in ODD.values():
        await target.send(attacker, change(json.dumps(target.body).encode()))


@pytest.mark.parametrize("name", WITH_BODY)
async def test_bodies_of_other_kinds(attackers: Call, targets: dict[str, Target], name: str) -> None:
    attacker, target = attackers(), targets[name]
    for kind in KINDS:
        if name == "auth_login" and "urlencoded" in kind:
            continue
        answer = await target.send(attacker, json.dumps(target.body).encode(), kind=kind)
        assert answer.status in (400, 415, 422), f"{kind}: {answer}"
