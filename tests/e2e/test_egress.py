"""What left for the model, as it says itself, is what the egress ledger shows: byte for byte, without personal data."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from .api import Api
from .llm import Exchange, Rules, captured, scripted

pytestmark = pytest.mark.e2e

EMAILS = [f"{name}.canary@example.org" for name in ("ada", "emmy", "sofia", "mary", "grace", "lise")]
NOTED = [f"canary-{number}" for number in range(6)]
ROWS = [f"{'North' if place % 2 else 'Süd'},{place + 3},{EMAILS[place]},{NOTED[place]}" for place in range(6)]
CSV = ("region,units,contact_mail,passport\n" + "\n".join(ROWS) + "\n").encode()
SAID_BY_THE_MODEL = "SELECT contact_mail, passport FROM people"
PLAN = {"text": json.dumps({"sql": 'SELECT region, units FROM "people" ORDER BY units'})}
RULES: Rules = {
    "(plain)": [PLAN, {"text": "Süd has {{t1[0].units}} units, and 777 are invented."}],
    "(repaired)": [{"text": json.dumps({"sql": SAID_BY_THE_MODEL})}, PLAN, {"text": "So."}],
    "(hostile)": [{"text": "<html>no plan</html>"}],
    "(torn)": [{**PLAN, "cut_after": -1}, PLAN, {"text": "Whole after all."}],
}

PURPOSES = ["plan", "answer", "plan", "repair", "answer", "plan", "repair", "repair", "plan", "plan", "answer"]


def ask(api: Api, dataset: dict[str, Any], text: str) -> int:
    body = {"project_id": dataset["project_id"], "dataset_ids": [dataset["id"]], "question": text}
    return api.client.post("/analysis/ask", json=body).status_code


def stream(api: Api, dataset: dict[str, Any], text: str) -> str:
    body = {"project_id": dataset["project_id"], "dataset_ids": [dataset["id"]], "question": text}
    with api.client.stream("POST", "/analysis/ask/stream", json=body) as answer:
        return answer.read().decode()


def ledger(api: Api, project: str) -> list[dict[str, Any]]:
    """All entries, the oldest first."""
    entries: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = api.ok(
            "GET", f"/projects/{project}/egress", params={"limit": 3} | ({"cursor": cursor} if cursor else {})
        )
        entries += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries[::-1]


def exact(entry: dict[str, Any], member: str) -> bytes:
    coded = entry[f"{member}_base64"]
    return b64decode(coded) if coded is not None else str(entry[member]).encode()


def test_the_ledger_holds_what_the_model_received(api: Api, stranger: Api, tmp_path: Path) -> None:
    project = api.project()
    people = api.upload(project, CSV, "people.csv")
    # The profile finds addresses by itself.
    api.ok("PATCH", f"/datasets/{people['id']}/schema", json={"columns": {"passport": {"personal": True}}})
    api.ok("PUT", "/analysis/llm/policy", params={"project_id": project}, json={"level": "rows"})
    with scripted(RULES, tmp_path):
        assert ask(api, people, "Who has how many units? (plain)") == 200
        assert ask(api, people, "Wer hat wie viele Stücke? (repaired)") == 200
        assert ask(api, people, "Who? (hostile)") == 422
        assert "Whole after all." in stream(api, people, "Who has most units? (torn)")
    received, entries = captured(tmp_path), ledger(api, project)
    assert [entry["purpose"] for entry in entries] == PURPOSES
    assert [Exchange(exact(entry, "request"), exact(entry, "response")) for entry in entries] == received
    assert [entry["request_bytes"] for entry in entries] == [len(one.request) for one in received]
    exported = api.client.get(f"/projects/{project}/egress/export").text.splitlines()
    assert sorted(json.loads(line)["id"] for line in exported) == sorted(entry["id"] for entry in entries)
    stranger.refused(404, "not_found", "GET", f"/projects/{project}/egress")

    left = [one.request.decode() for one in received]
    assert "Süd" in "".join(left), "the policy lets rows leave, so nothing is shown by their absence"
    assert [text for text in left for value in (*EMAILS, *NOTED, "canary") if value in text] == []
    # Names leave where the model itself has said them.
    silent = [text for text in left if SAID_BY_THE_MODEL not in text]
    assert len(silent) == len(left) - 1
    assert [text for text in silent for name in ("contact_mail", "passport") if name in text] == []
