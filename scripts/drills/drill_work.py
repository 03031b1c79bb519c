"""Real work of several people, and an account of all that they have, by which it is found again."""

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drill_person import Answer, Person
from drill_transcript import DrillError

ROWS = 2000
PREDICTED = {"rows": [{"a": 3, "c": 1.5}, {"a": 300, "c": -2}]}


def table(seed: int, rows: int = ROWS) -> bytes:
    """A CSV of which no two are the same."""
    chance = random.Random(seed)  # noqa: S311 - data, not secrets
    lines = [f"{n},{chance.gauss(2 * n, 5):.4f},{chance.gauss(0, 1):.4f}" for n in range(rows)]
    return ("a,b,c\n" + "\n".join(lines) + "\n").encode()


@dataclass
class Work:
    """People with datasets of several versions, analyses, models and keys."""

    people: list[Person]
    models: dict[str, Person] = field(default_factory=dict)
    replayable: dict[str, Person] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)

    @classmethod
    def done(cls, url: str, people: int, datasets: int) -> "Work":
        """Make all of it."""
        work = cls([Person(url).sign_up() for _ in range(people)])
        for number, person in enumerate(work.people):
            made = [person.uploaded(table(1000 * number + n)) for n in range(datasets)]
            _append(person, made[0])
            work.replayable[_analysed(person, made[0])] = person
            work.models[_trained(person, made[-1])] = person
            work.keys.append(_key(person))
        return work

    def account(self) -> dict[str, Any]:
        """Everything that people see of theirs, by content."""
        return {person.email: _account(person) for person in self.people}

    def predictions(self) -> dict[str, Any]:
        """What each model says of the same rows."""
        return {model: predicted(person, model) for model, person in self.models.items()}

    def wrong_replays(self) -> dict[str, Any]:
        """Analyses that, computed again, are not what they were."""
        wrong: dict[str, Any] = {}
        for task, person in self.replayable.items():
            again = person.ended(f"/analysis/{task}/replay")
            summary = person.ok("GET", f"/analysis/{again['id']}/result")["summary"]
            if not summary["match"]:
                wrong[task] = summary["differences"]
        return wrong

    def refused_keys(self, url: str) -> list[str]:
        """API keys that do not open any more, by what was answered."""
        return [str(answer) for key in self.keys if not (answer := _by_key(url, key)).ok]

    def move_to(self, url: str) -> None:
        """The same people at another address; they have to log in."""
        moved: dict[str, Person] = {}
        for person in self.people:
            moved[person.email] = other = Person(url)
            other.email, other.project = person.email, person.project
            other.log_in()
        self.people = list(moved.values())
        self.models = {model: moved[person.email] for model, person in self.models.items()}
        self.replayable = {task: moved[person.email] for task, person in self.replayable.items()}


def _append(person: Person, dataset: Mapping[str, Any]) -> None:
    fields = {"mode": "append", "file": ("more.csv", table(7, 50), "text/csv")}
    found = person.ok("POST", f"/datasets/{dataset['id']}/versions?wait=60", fields=fields)
    if found["current_version"] != 2:
        raise DrillError(f"a version was not appended: {found}")


def _analysed(person: Person, dataset: Mapping[str, Any]) -> str:
    order = {"project_id": person.project, "dataset_id": dataset["id"], "type": "regression"}
    return str(person.ended("/analysis", order | {"params": {"target": "b", "features": ["a", "c"]}})["id"])


def _trained(person: Person, dataset: Mapping[str, Any]) -> str:
    order = {"project_id": person.project, "dataset_id": dataset["id"], "target": "b", "algorithm": "ridge"}
    task = person.ended("/models/train", order | {"max_candidates": 1, "budget_seconds": 60})
    return str(person.ok("GET", f"/analysis/{task['id']}/result")["summary"]["model_id"])


def _key(person: Person) -> str:
    return str(person.ok("POST", "/auth/api-keys", {"name": "drill", "scopes": ["read"]})["key"])


def _by_key(url: str, key: str) -> Answer:
    program = Person(url)
    program.token = key
    return program.send("GET", "/datasets")


def predicted(person: Person, model: str) -> Any:
    """What the model says, or how it is refused."""
    answer = person.send("POST", f"/models/{model}/predict", json=PREDICTED)
    return answer.json["predictions"] if answer.ok else str(answer)


def _account(person: Person) -> dict[str, Any]:
    project = person.project
    return {
        "projects": [one["id"] for one in person.items("/projects")],
        "keys": sorted(one["id"] for one in person.items("/auth/api-keys")),
        "models": sorted(one["id"] for one in person.items(f"/models?project_id={project}")),
        "datasets": {
            one["id"]: _versions(person, one["id"]) for one in person.items(f"/datasets?project_id={project}")
        },
        "results": {one["id"]: _result(person, one["id"]) for one in person.items(f"/analysis?project_id={project}")},
    }


def _versions(person: Person, dataset: str) -> dict[str, str]:
    found = {str(one["version"]): one["parquet_sha256"] for one in person.items(f"/datasets/{dataset}/versions")}
    return {number: _held_against(person.content(dataset, int(number)), stated) for number, stated in found.items()}


def _held_against(content: str, stated: str) -> str:
    return content if content == stated else f"is {content}, is said to be {stated}"


def _result(person: Person, task: str) -> str:
    answer = person.send("GET", f"/analysis/{task}/result")
    return hashlib.sha256(json.dumps(answer.json, sort_keys=True).encode()).hexdigest() if answer.ok else str(answer)


def differences(before: object, after: object, place: str = "") -> list[str]:
    """Where two accounts differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted({*before, *after})
        return [line for name in names for line in differences(before.get(name), after.get(name), f"{place}/{name}")]
    return [] if before == after else [f"{place}: {before} became {after}"]
