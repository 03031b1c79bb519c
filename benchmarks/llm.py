"""Questions through the gateway to a scripted model: what asking adds over the model's own time."""

import argparse
import json
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from .harness.client import User, call, new_user
from .harness.datasets import upload, wait_for
from .harness.errors import BenchError, run_main
from .harness.instance import QUIET, Instance, running
from .harness.paths import scratch
from .harness.processes import free_port
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table
from .harness.scripted_llm import KEY, Exchange, Rules, exchanges, scripted, settings

QUESTIONS, WARM, FIRST_TARGET_MS = 60, 5, 30.0
MILLISECONDS = 1000
WAYS = ("direct", "streamed", "asked")
LIMITS = {"RATE_LIMIT_LLM": "1000000", "RATE_LIMIT_DEFAULT": "1000000"}
CSV = "region,units\nNorth,4\nSouth,3\nNorth,5\n"
PLAN = json.dumps({"sql": 'SELECT region, sum(units) AS units FROM "sales" GROUP BY region ORDER BY region'})
# Each piece is a sentence, whose number can be shown as soon as the piece is there.
SENTENCE = "North sells {{t1[0].units}} units here. "
ANSWER = {"text": SENTENCE * 4, "piece": len(SENTENCE), "thinking": 0.15, "pause": 0.1}


@dataclass(frozen=True, slots=True)
class Heard:
    """One question as its asker saw it, by the monotonic clock; `first` are the first words of the answer."""

    marker: str
    began: float
    first: float
    ended: float


def rules(markers: Iterable[str]) -> Rules:
    """A plan and an answer for each question; the direct ones have the answer alone."""
    return {marker: [ANSWER] if "direct" in marker else [{"text": PLAN, "delay": 0.05}, ANSWER] for marker in markers}


def posted(url: str, token: str, body: object, *, first: str, marker: str) -> Heard:
    """Post, read line by line, and note when the first line came that begins so."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=120)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    began, heard = time.monotonic(), 0.0
    connection.request("POST", f"{parts.path}?{parts.query}", body=json.dumps(body), headers=headers)
    answer = connection.getresponse()
    while line := answer.readline().decode():
        heard = heard or (time.monotonic() if first in line else 0.0)
    ended = time.monotonic()
    connection.close()
    if answer.status != 200 or not heard:
        raise BenchError(f"{url} answered {answer.status} without an answer of the model")
    return Heard(marker, began, heard, ended)


@dataclass(frozen=True, slots=True)
class Way:
    """How questions get to the model: what is posted where, and by which line the first words are known."""

    name: str
    url: str
    token: str
    first: str
    body: dict[str, Any]

    def ask(self, marker: str) -> Heard:
        """One question, on a connection of its own."""
        text = f"How many units does North sell? {marker}"
        own = {"messages": [{"role": "user", "content": text}]} if "stream" in self.body else {"question": text}
        return posted(self.url, self.token, self.body | own, first=self.first, marker=marker)


def ways(instance: Instance, port: int) -> list[Way]:
    """Straight to the model, streamed by us, and asked without a stream."""
    user, api = new_user(instance.gateway_url), f"{instance.gateway_url}/api/v1"
    body = prepared(api, user)
    chat = {"model": "scripted", "stream": True}
    return [
        Way("direct", f"http://127.0.0.1:{port}/v1/chat/completions", KEY, "North sells", chat),
        Way("streamed", f"{api}/analysis/ask/stream", user.token, "event: delta", body),
        Way("asked", f"{api}/analysis/ask?wait=60", user.token, '"answer"', body),
    ]


def prepared(api: str, user: User) -> dict[str, Any]:
    """A project with one small dataset, as questions name it."""
    file = scratch("sales.csv")
    file.write_text(CSV)
    project = call("POST", f"{api}/projects", token=user.token, body={"name": "Questions"})["id"]
    dataset = upload(api, user, project, file)
    wait_for(api, user, dataset["task_id"])
    return {"project_id": project, "dataset_ids": [dataset["id"]]}


def added(heard: Heard, model: Sequence[Exchange]) -> tuple[float, float]:
    """Milliseconds from the first words sent to the first words seen, and of the whole beside the model's own time."""
    own = sum(one.seconds for one in model)
    whole = heard.ended - heard.began - own
    return (heard.first - model[-1].first_text) * MILLISECONDS, whole * MILLISECONDS


def row(name: str, figures: Sequence[float]) -> tuple[str, ...]:
    """A line of the table."""
    places = statistics.quantiles(figures, n=20, method="inclusive")
    return name, *(f"{figure:.1f}" for figure in (statistics.median(figures), places[18], max(figures)))


def measure(questions: int) -> dict[str, list[tuple[float, float]]]:
    """What each way adds, question by question; the ways take turns."""
    port = free_port()
    markers = [(f"({name} {number})", name) for number in range(WARM + questions) for name in WAYS]
    with running(QUIET | LIMITS | settings(port)) as instance, scripted(rules(dict(markers)), port):
        by_name = {way.name: way for way in ways(instance, port)}
        heard = [(name, by_name[name].ask(marker)) for marker, name in markers][WARM * len(WAYS) :]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for name, one in heard:
        found[name].append(added(one, exchanges(one.marker)))
    return found


def main() -> int:
    """Ask in turn, measure, print."""
    parser = argparse.ArgumentParser(prog="llm.sh", description=__doc__)
    parser.add_argument("--questions", type=int, default=QUESTIONS, help=f"of each way (default {QUESTIONS})")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    found = measure(max(2, options.questions))
    first = {name: [figures[0] for figures in found[name]] for name in WAYS}
    whole = {name: [figures[1] for figures in found[name]] for name in WAYS}
    rows = [
        row("first words, straight from the model", first["direct"]),
        row("first words, streamed by the gateway", first["streamed"]),
        row("whole stream over the model's time", whole["streamed"]),
        row("whole question over the model's time", whole["asked"]),
    ]
    lines = table(("added, ms", "p50", "p95", "max"), rows)
    median = statistics.median(first["streamed"])
    target = f"first words at the client at most {FIRST_TARGET_MS:.0f} ms after the model sent them"
    check = Check(target, f"{median:.1f} ms", median <= FIRST_TARGET_MS)
    about = f"{len(first['direct'])} questions of each way, one at a time, a plan and an answer each."
    return finish("llm.sh", [about, lines], [check], publish=options.publish)


if __name__ == "__main__":
    run_main(main)
