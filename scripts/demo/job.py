"""The main job: register, log in, make a project, upload a real CSV, profile it, run a regression, get the result."""

import io
import secrets
from dataclasses import dataclass
from typing import Any

import aiohttp
from sklearn.datasets import load_diabetes

from client import Client, DemoError, say

TARGET = "target"


@dataclass(frozen=True)
class Outcome:
    """What the job brought."""

    dataset: dict[str, Any]
    profile: dict[str, Any]
    result: dict[str, Any]


def diabetes_csv() -> tuple[bytes, list[str]]:
    """The diabetes data that ship inside scikit-learn: 442 patients, ten standardised features, one target."""
    frame = load_diabetes(as_frame=True, scaled=True).frame
    text = io.StringIO()
    frame.to_csv(text, index=False)
    return text.getvalue().encode(), [name for name in frame.columns if name != TARGET]


async def run(client: Client) -> Outcome:
    """Do the whole job over HTTP."""
    await _sign_in(client)
    project = await client.send("POST", "/api/v1/projects", json={"name": "Diabetes study"})
    content, features = diabetes_csv()
    dataset = await _upload(client, project["id"], content)
    profile = await client.send("GET", f"/api/v1/datasets/{dataset['id']}/profile")
    result = await _regress(client, project["id"], dataset["id"], features)
    return Outcome(dataset, profile, result)


async def _sign_in(client: Client) -> None:
    say("A new user signs in")
    person = {"email": f"demo-{secrets.token_hex(6)}@example.com", "password": secrets.token_urlsafe(18)}
    await client.send("POST", "/api/v1/auth/register", json={**person, "full_name": "Demo"})
    tokens = await client.send("POST", "/api/v1/auth/login", json=person)
    client.use_token(tokens["access_token"])
    await client.send("GET", "/api/v1/auth/me")
    say("and makes a project")


async def _upload(client: Client, project_id: str, content: bytes) -> dict[str, Any]:
    say(f"Uploads diabetes.csv ({len(content) // 1000} kB)")
    form = aiohttp.FormData({"project_id": project_id, "name": "diabetes"})
    form.add_field("file", content, filename="diabetes.csv", content_type="text/csv")
    dataset = await client.send("POST", "/api/v1/upload/file", data=form)
    await _follow(client, f"/api/v1/tasks/{dataset['task_id']}/events")
    ready: dict[str, Any] = await client.send("GET", f"/api/v1/datasets/{dataset['id']}")
    return ready


async def _regress(client: Client, project_id: str, dataset_id: str, features: list[str]) -> dict[str, Any]:
    say("Asks for an ordinary least squares regression on ten features")
    params = {"method": "ols", "target": TARGET, "features": features}
    order = {"project_id": project_id, "dataset_id": dataset_id, "type": "regression", "params": params}
    task = await client.send("POST", "/api/v1/analysis", json=order)
    await _follow(client, f"/api/v1/analysis/{task['id']}/events")
    result: dict[str, Any] = await client.send("GET", f"/api/v1/analysis/{task['id']}/result")
    return result


async def _follow(client: Client, path: str) -> None:
    status = ""
    async for event, data in client.events(path):
        status = data.get("status", status)
        progress = data.get("progress") or data
        say(f"        {event:<9} {data.get('status') or progress.get('message') or ''}")
    if status != "succeeded":
        raise DemoError(f"the task ended as {status or 'nothing'}: see {path}")
