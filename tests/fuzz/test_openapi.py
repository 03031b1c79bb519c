"""The campaign sees what is not as the document says: a server that is wrong in each way, and one that is right."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.jsonschema.types import JsonValue

from instance import Instance

from ..adversarial.places import Place
from .cases import chance
from .openapi_batches import singles
from .openapi_callers import Callers, _spent, rule_of
from .openapi_doors import Door
from .openapi_exchange import Exchange
from .openapi_filling import Filler
from .openapi_ledger import Ledger
from .report import Report

THING = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
SECRET = "sixteen grey geese"
LIMIT = {"name": "limit", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 1, "maximum": 9}}


def document(secured: bool = False) -> dict[str, Any]:
    """One operation, which answers with a thing or refuses."""
    operation = {
        "operationId": "things_read",
        "parameters": [LIMIT],
        "responses": {
            "200": {"description": "A thing.", "content": {"application/json": {"schema": THING}}},
            "401": {"description": "Who are you?"},
            "422": {"description": "No such limit."},
        },
        **({"security": [{"bearerAuth": []}]} if secured else {}),
    }
    scheme = {"bearerAuth": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "paths": {"/things": {"get": operation}},
        "components": {"securitySchemes": scheme},
    }


class Nobody:
    """Stands for people at an instance."""

    def credential(self, who: str, operation: str, rng: random.Random) -> str | None:
        return None if who == "none" else f"Bearer {who}"

    def look(self, operation: str, name: str) -> str | None:
        return {"project_id": "p1"}.get(name)

    def note(self, operation: str, path: str, status: int) -> None:
        return None


NOBODY = cast("Callers", Nobody())


@contextmanager
def served(status: int, kind: str, body: bytes) -> Iterator[str]:
    """A server that gives everybody the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    instance = Instance("nothing", 1, tmp_path)
    vars(instance)["values"] = {"SECRET_KEY": SECRET}
    return Place(instance)


def faults(place: Place, status: int, kind: str, body: object, secured: bool = False) -> set[str]:
    """The kinds of failures that are told of such a server."""
    report = Report("openapi", 1)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with served(status, kind, content) as url:
        door = Door(schemathesis.openapi.from_dict(document(secured)), url, 1)
        rng = chance(1, "things", 0)
        with closing(Exchange(place, door, NOBODY, Ledger(report), ("things", 0), rng)) as exchange:
            singles(door.operations[0], GenerationMode.POSITIVE, exchange, rng, 9)
    assert report.cases > 2
    return {failure.what.partition("\n")[0].split(": ")[1].rpartition(",")[0] for failure in report.failures}


GOOD = {"name": "a"}
FAULTS = [
    (200, "application/json", GOOD, set()),
    (500, "application/json", GOOD, {"ServerError 500", "UndefinedStatusCode 500"}),
    (404, "application/json", GOOD, {"UndefinedStatusCode 404"}),
    (200, "text/html", b"<p>", {"UndefinedContentType 200"}),
    (200, "application/json", {"name": 1}, {"JsonSchemaError 200"}),
    (200, "application/json", {**GOOD, "more": 1}, {"JsonSchemaError 200"}),
    (200, "application/json", b"{", {"MalformedJson 200"}),
    (200, "application/json", {"name": SECRET}, {"a secret is shown"}),
]


@pytest.mark.parametrize(("status", "kind", "body", "told"), FAULTS)
def test_what_is_wrong_is_told(place: Place, status: int, kind: str, body: object, told: set[str]) -> None:
    assert faults(place, status, kind, body) == told


def test_a_door_that_is_open_to_strangers_is_told(place: Place) -> None:
    assert faults(place, 200, "application/json", GOOD, secured=True) == {"200 to a stranger"}
    assert faults(place, 401, "text/plain", b"", secured=True) == set()


def test_ids_of_what_there_is_take_the_place_of_made_up_ones() -> None:
    operation = schemathesis.openapi.from_dict(document())["/things"]["GET"]
    body: JsonValue = {"project_id": "y", "parts": [{"project_id": "z"}], "name": "n"}
    made = operation.Case(query={"project_id": "x", "wait": 50}, body=body, media_type="application/json")
    Filler(NOBODY, "things_read", chance(1, "things", 0)).fill(made, 1.0)
    assert made.query == {"project_id": "p1", "wait": 0.2}
    assert made.body == {"project_id": "p1", "parts": [{"project_id": "p1"}], "name": "n"}


@pytest.mark.parametrize(
    ("operation", "path", "spent"),
    [
        ("projects_webhooks_delete", "/projects/{project_id}/webhooks/{webhook_id}", ["", "webhook_id"]),
        ("process_query_remove", "/process/query/{task_id}", ["", "query_task_id"]),
        ("users_me_avatar_delete", "/users/me/avatar", ["avatar"]),
    ],
)
def test_what_an_operation_uses_up_is_known(operation: str, path: str, spent: list[str]) -> None:
    assert _spent(rule_of(operation), path) == spent
