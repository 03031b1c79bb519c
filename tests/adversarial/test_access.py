"""Every operation of the merged document against everybody who may ask (A8, A55 to A59): by the table in rules.py."""

import asyncio

import pytest

from .catalogue import Catalogue, Look, Operation, absent, ids_of, looking, request_of
from .conftest import Call
from .people import ADMITTED, KEYS, KNOWN, UNKNOWN, UNSEEN, People, given, owed
from .places import Place
from .rules import RULES, Least, Rule
from .wire import Answer, Attacker
from .world import World

pytestmark = pytest.mark.e2e

EVERYBODY = (*UNKNOWN, *KNOWN, *KEYS)


class Matrix:
    """Asks in everybody's name."""

    def __init__(self, attacker: Attacker, catalogue: Catalogue, people: People) -> None:
        self._attacker = attacker
        self._operations = catalogue.operations
        self.people = people

    def operation(self, name: str) -> Operation:
        return self._operations[name]

    async def ask(self, name: str, who: str, look: Look, world: World | None = None) -> Answer:
        rule, operation = RULES[name], self._operations[name]
        request = request_of(operation, rule, look)
        token = self.people.token(who, rule, world or self.people.world)
        return await self._attacker.send(
            request.method, request.path, token=token, data=request.data, headers=request.headers
        )

    async def read_as_stranger(self, method: str, path: str) -> Answer:
        return await self._attacker.send(method, path, token=self.people.strangers.owner.tokens["access_token"])

    async def ask_in_turn(self, name: str, who: str) -> Answer:
        """The same, with things of their own where they will be used up."""
        rule, world = RULES[name], self.people.world
        if not rule.spends or owed(rule, who) != ADMITTED:
            return await self._prepared(name, rule, who, world)
        world = World(self.people.place.gateway, world.helpers)
        try:
            return await self._prepared(name, rule, who, world)
        finally:
            world.close()

    async def _prepared(self, name: str, rule: Rule, who: str, world: World) -> Answer:
        if rule.needs:
            getattr(world, rule.needs)
        return await self.ask(name, who, looking(world), world)


@pytest.fixture
async def matrix(attackers: Call, catalogue: Catalogue, people: People) -> Matrix:
    return Matrix(attackers(), catalogue, people)


def askers(rule: Rule) -> tuple[str, ...]:
    """Those who ask: where it is about the asker's own account, and uses it up, only one who can be spared."""
    spared = rule.spends and rule.least is Least.USER
    return (*UNKNOWN, "owner", *KEYS) if spared or rule.needs else EVERYBODY


def test_every_operation_has_a_rule(catalogue: Catalogue) -> None:
    assert sorted(set(catalogue.operations) - set(RULES)) == [], "operations without a line in rules.py"
    assert sorted(set(RULES) - set(catalogue.operations)) == [], "lines in rules.py without an operation"


def test_the_document_says_which_operations_need_a_token(catalogue: Catalogue) -> None:
    open_ones = {name for name, operation in catalogue.operations.items() if not operation.is_secured}
    assert open_ones == {name for name, rule in RULES.items() if rule.least is Least.ANYBODY}


@pytest.mark.parametrize("name", RULES)
async def test_everybody_gets_what_they_are_owed(matrix: Matrix, name: str) -> None:
    rule, everybody = RULES[name], askers(RULES[name])
    if rule.spends or rule.needs:
        answers = [await matrix.ask_in_turn(name, who) for who in everybody]
    else:
        answers = await asyncio.gather(*(matrix.ask_in_turn(name, who) for who in everybody))
    wrong = [
        f"{who}: owed {owed(rule, who)}, {answer}"
        for who, answer in zip(everybody, answers, strict=True)
        if given(rule, answer) != owed(rule, who)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if owed(rule, "stranger") == UNSEEN])
async def test_what_is_not_ones_own_looks_absent(matrix: Matrix, name: str) -> None:
    names = ids_of(matrix.operation(name), RULES[name])
    world = matrix.people.world
    foreign = await matrix.ask(name, "stranger", looking(world))
    missing = await matrix.ask(name, "stranger", absent(names, world))
    assert foreign.essence == missing.essence
    assert sorted(foreign.headers) == sorted(missing.headers)
    if RULES[name].least is not Least.ADMIN:
        assert (await matrix.ask(name, "owner", absent(names, world))).essence == missing.essence


@pytest.mark.parametrize(
    "name", [name for name, rule in RULES.items() if rule.least in (Least.VIEWER, Least.EDITOR, Least.OWNER)]
)
async def test_one_foreign_id_among_ones_own_is_not_found(matrix: Matrix, name: str) -> None:
    world, strangers = matrix.people.world, matrix.people.strangers
    names = ids_of(matrix.operation(name), RULES[name]) - {"user_id"}
    for one in names if len(names) > 1 else ():
        mixed = looking(strangers, **{one: str(getattr(world, one))})
        answer = await matrix.ask(name, "stranger", mixed)
        assert answer.status == 404, f"{one}: {answer}"


@pytest.mark.parametrize(
    "name", [name for name in RULES if name.endswith("_list") or "queues" in name or "export" in name]
)
async def test_lists_hold_nothing_of_others(matrix: Matrix, name: str) -> None:
    world, operation = matrix.people.world, matrix.operation(name)
    traces = world.traces
    filters = ["", f"q={world.owner.email}"]
    filters += [
        f"{query}={getattr(world, query, world.key_id)}" for query in operation.queries if query.endswith("_id")
    ]
    for query in filters:
        path = operation.path.replace("{project_id}", matrix.people.strangers.project_id)
        answer = await matrix.read_as_stranger(operation.method, f"{path}?limit=200&{query}")
        # What strangers called is theirs, though it names what they did not get.
        shown = answer.json() if answer.is_document else {"lines": answer.body.decode()}
        shown = shown if answer.status == 200 else {}
        shown.pop("requests", None)
        assert not [trace for trace in traces if trace in str(shown)], f"{query}: {answer}"


SPOOFED = {
    "X-User-ID": "{user_id}",
    "X-User-Email": "{email}",
    "X-User-Role": "admin",
    "X-Forwarded-User": "{user_id}",
    "X-Authenticated-User": "{user_id}",
    "X-Remote-User": "{user_id}",
    "Remote-User": "{user_id}",
    "X-Session-ID": "{user_id}",
    "X-Forwarded-Prefix": "/api/v1",
    "X-Forwarded-For": "127.0.0.1",
    "X-Internal": "1",
}


@pytest.mark.parametrize("service", ["data-service", "ai-service"])
async def test_services_behind_the_gateway_believe_tokens_only(
    attackers: Call, matrix: Matrix, place: Place, service: str
) -> None:
    people, world = matrix.people, matrix.people.world
    direct = attackers(place.url(service))
    marks = {name: text.format(user_id=world.user_id, email=world.owner.email) for name, text in SPOOFED.items()}
    inside = Catalogue(place.url(service))
    for name, operation in inside.operations.items():
        if name not in RULES or RULES[name].least is Least.ANYBODY:
            continue
        request = request_of(operation, RULES[name], looking(world))
        for who in (*UNKNOWN, "stranger", "viewer"):
            token = people.token(who, RULES[name], world)
            answer = await direct.send(
                request.method, request.path, token=token, data=request.data, headers={**marks, **request.headers}
            )
            assert given(RULES[name], answer) == owed(RULES[name], who), f"{who}: {answer}"


def test_the_victim_still_has_everything(matrix: Matrix) -> None:
    """Whatever was tried above, nothing of it happened."""
    world = matrix.people.world
    for path in (f"/projects/{world.project_id}", f"/datasets/{world.dataset_id}", f"/tasks/{world.task_id}"):
        world.owner.ok("GET", path)
