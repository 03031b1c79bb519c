"""One request through a whole running instance is one trace, from the gateway to the Ray piece, without any secret."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.config import Settings
from shared.testing.collector import Collector, Received
from shared.testing.llm_server import KEY, ScriptedLlm
from shared.testing.whole_instance import WholeInstance

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SERVER, CLIENT, CONSUMER = 2, 3, 5
EMAIL, PASSWORD = "canary.mail@example.org", "canary pass phrase of many words"
HEADER, ROW, LITERAL, QUESTION = "canary-collector-key", "canary-row-value", "canary-sql-literal", "canary question"
ROWS = 60
CSV = "region,units\n" + "".join(f"{ROW if n % 2 else 'South'},{n}\n" for n in range(ROWS))
PLAN = json.dumps({"sql": 'SELECT region, sum(units) AS units FROM "sales" GROUP BY region ORDER BY units DESC'})


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def llm() -> Iterator[ScriptedLlm]:
    with ScriptedLlm() as llm:
        yield llm


@pytest.fixture(scope="module")
def instance(
    server_settings: Settings, collector: Collector, llm: ScriptedLlm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WholeInstance]:
    folder: Path = tmp_path_factory.mktemp("instance")
    tracing = {
        "OTLP_ENDPOINT": collector.url,
        "OTLP_HEADERS": f"x-collector-key={HEADER}",
        "TRACE_SAMPLE_RATIO": "1",
    }
    with WholeInstance(server_settings, folder, **tracing, **llm.environment()) as instance:
        yield instance


class Person:
    """Somebody with an account, a project and a dataset, who names the trace of each request."""

    def __init__(self, gateway: str) -> None:
        self.http = httpx.Client(base_url=f"{gateway}/api/v1", timeout=120)
        self.number = 0
        self.ask("POST", "/auth/register", json={"email": EMAIL, "password": PASSWORD})
        self.tokens = self.ask("POST", "/auth/login", json={"email": EMAIL, "password": PASSWORD})
        self.http.headers["authorization"] = f"Bearer {self.tokens['access_token']}"
        self.project = self.ask("POST", "/projects", json={"name": "First"})["id"]
        self.dataset: dict[str, Any] = {}

    @property
    def trace_id(self) -> str:
        """Of the last request."""
        return f"{0xABC0000 + self.number:032x}"

    def ask(self, method: str, path: str, **options: Any) -> Any:
        self.number += 1
        headers = {"traceparent": f"00-{self.trace_id}-{'b' * 16}-01"}
        answer = self.http.request(method, path, headers=headers, **options)
        assert answer.is_success, answer.text
        return answer.json()

    def upload(self) -> str:
        files = {"file": ("sales.csv", CSV, "text/csv")}
        form = {"project_id": self.project}
        self.dataset = self.ask("POST", "/upload/file", params={"wait": 60}, data=form, files=files)
        assert self.dataset["status"] == "ready", self.dataset
        return self.trace_id


@pytest.fixture(scope="module")
def person(instance: WholeInstance) -> Iterator[Person]:
    person = Person(instance.gateway)
    yield person
    person.http.close()


@pytest.fixture(scope="module")
def upload(person: Person) -> str:
    return person.upload()


def of(spans: list[Received], trace_id: str) -> list[Received]:
    return [span for span in spans if span.trace_id == trace_id]


def whole(collector: Collector, trace_id: str, *names: str) -> list[Received]:
    """The spans of a trace once those of these names, and the parents of all, are there."""

    def is_whole(spans: list[Received]) -> bool:
        mine = of(spans, trace_id)
        ids = {span.span_id for span in mine} | {"b" * 16}
        return set(names) <= {span.name for span in mine} and all(span.parent in ids for span in mine)

    return of(collector.wait_for(is_whole, 90), trace_id)


def services(spans: list[Received]) -> set[str]:
    return {span.service for span in spans}


def path_to(spans: list[Received], name: str) -> list[str]:
    """From the first span of the trace to one of this name."""
    by_id = {span.span_id: span for span in spans}
    span: Received | None = next(span for span in spans if span.name == name)
    path = []
    while span is not None:
        path.append(span.name)
        span = by_id.get(span.parent)
    return path[::-1]


def test_an_upload_is_one_trace_down_to_the_child(collector: Collector, upload: str) -> None:
    names = ("POST /api/v1/(data-service)", "POST /upload/file", "run ingest", "child", "COMMIT", "s3 put")
    spans = whole(collector, upload, *names)
    assert services(spans) == {"api-gateway", "data-service", "data-worker"}
    assert path_to(spans, "child") == [
        "POST /api/v1/(data-service)",
        "POST data-service",
        "POST /upload/file",
        "submit ingest",
        "run ingest",
        "compute",
        "child",
    ]
    assert {span.attributes["db.system.name"] for span in spans if "db.system.name" in span.attributes} == {
        "postgresql",
        "redis",
    }
    assert {"s3 put", "s3 get", "INSERT datasets", "database.acquire"} <= {span.name for span in spans}
    assert all(span.ended >= span.started for span in spans)


def test_the_request_is_told_by_template_and_status(collector: Collector, upload: str) -> None:
    (span,) = [span for span in whole(collector, upload) if span.name == "POST /upload/file"]
    assert span.kind == SERVER
    assert span.attributes["http.route"] == "/upload/file"
    assert span.attributes["http.response.status_code"] in (200, 201, 202)
    assert span.resource["service.version"]
    assert {"deployment.environment.name", "project", "service.instance.id"} <= span.resource.keys()


def test_log_lines_name_the_trace(collector: Collector, instance: WholeInstance, upload: str) -> None:
    spans = whole(collector, upload, "run ingest")
    run = next(span for span in spans if span.name == "run ingest")
    lines = [json.loads(line) for line in instance.log("data-worker").splitlines() if upload in line]
    assert {line["span_id"] for line in lines if line["event"] == "task_started"} == {run.span_id}
    for service in ("api-gateway", "data-service"):
        assert f'"trace_id":"{upload}"' in re.sub(r":\s+", ":", instance.log(service))


def test_a_query_is_one_trace(collector: Collector, person: Person, upload: str) -> None:
    sql = f"SELECT count(*) AS n FROM sales WHERE region <> '{LITERAL}'"  # noqa: S608 - a user's words
    answer = person.ask("POST", "/process/query", json={"project_id": person.project, "sql": sql})
    assert answer["rows"] == [[ROWS]]
    spans = whole(collector, person.trace_id, "compute", "child")
    assert services(spans) == {"api-gateway", "data-service"}


def test_a_job_on_ray_is_one_trace_down_to_its_pieces(collector: Collector, person: Person, upload: str) -> None:
    order = {
        "project_id": person.project,
        "dataset_id": person.dataset["id"],
        "job": "bootstrap",
        "params": {"column": "units", "resamples": 100},
        "executor": "ray",
    }
    task = person.ask("POST", "/tasks", params={"wait": 60}, json=order)
    trace_id = person.trace_id
    while task["status"] not in ("succeeded", "failed"):
        task = person.ask("GET", f"/tasks/{task['id']}", params={"wait": 30})
    assert task["status"] == "succeeded", task
    spans = whole(collector, trace_id, "ray.piece")
    assert services(spans) == {"api-gateway", "ai-service", "ai-worker"}
    assert path_to(spans, "ray.piece")[-4:] == ["run job", "compute", "child", "ray.piece"]
    child = next(span for span in spans if span.name == "child")
    pieces = [span for span in spans if span.name == "ray.piece"]
    assert all(span.attributes["process.pid"] != child.attributes["process.pid"] for span in pieces)


def test_a_question_is_one_trace_with_the_model(
    collector: Collector, person: Person, llm: ScriptedLlm, upload: str
) -> None:
    llm.say(PLAN, "There is {{t1[0].units}} of the best.")
    body = {"project_id": person.project, "dataset_ids": [person.dataset["id"]], "question": QUESTION}
    person.ask("POST", "/analysis/ask", params={"wait": 60}, json=body)
    spans = whole(collector, person.trace_id, "chat scripted", "run ask")
    chat = next(span for span in spans if span.name == "chat scripted")
    assert chat.kind == CLIENT
    assert chat.attributes["gen_ai.request.model"] == "scripted"
    assert int(chat.attributes["gen_ai.usage.input_tokens"]) > 0
    assert services(spans) == {"api-gateway", "ai-service", "ai-worker"}
    assert path_to(spans, "chat scripted")[-2:] == ["run ask", "chat scripted"]
    assert all("traceparent" not in received.headers for received in llm.received)


def test_no_secret_and_nobody_s_data_leaves(collector: Collector, person: Person, upload: str) -> None:
    person.ask("GET", "/projects", params={"search": LITERAL})
    whole(collector, person.trace_id, "GET /api/v1/projects")
    exported = b"".join(collector.bodies)
    canaries = (EMAIL, PASSWORD, ROW, LITERAL, QUESTION, KEY, HEADER, person.tokens["access_token"])
    assert [canary for canary in canaries if canary.encode() in exported] == []
    assert {headers["x-collector-key"] for headers in collector.headers} == {HEADER}
