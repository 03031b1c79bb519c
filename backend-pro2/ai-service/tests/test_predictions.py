"""Predictions over HTTP on real servers: whose, of which version, of a genuine file, and what a full house says."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response
from pydantic import SecretStr

from shared.compute import ComputeBusy, ComputeFailed
from shared.errors import APIException
from shared.ids import new_id
from shared.object_store import StoredObject
from shared.resources import Resources
from shared.tasks import NewTask
from shared.testing.project import Workspace

from ..app.repositories.served_models import ServedModel
from ..app.repositories.versions import DatasetVersion
from ..app.services.model_keeping import Trained, keep_version
from ..app.services.model_serving import ModelServing
from ..app.services.model_signature_upkeep import sign_anew
from ..app.services.model_signatures import ModelSigner
from .fitted import Fitted, fit, table_of
from .support import DatasetMaker, MakeWorker

pytestmark = pytest.mark.integration

ROW = {"a": 1.0, "b": 10.0, "kind": "red", "count": 3}
MakeModel = Callable[[Fitted], Awaitable[UUID]]


@pytest.fixture
def fitted(tmp_path: Path) -> Fitted:
    (folder := tmp_path / "model").mkdir()
    return fit(folder, "linear")


@pytest.fixture
async def dataset_id(make_dataset: DatasetMaker) -> UUID:
    table = table_of()
    return await make_dataset({name: table.column(name).combine_chunks() for name in table.column_names})


@pytest.fixture
def make_model(resources: Resources, workspace: Workspace, dataset_id: UUID) -> MakeModel:
    async def make(fitted: Fitted) -> UUID:
        key = f"{workspace.project_id}/models/{new_id()}"
        await resources.object_store.put_file(key, fitted.path)
        content = fitted.path.read_bytes()
        data = DatasetVersion(dataset_id, "d", "ready", 1, 1, "ready", None, False, "k", "5f" * 32, None)
        summary = {"metric": "r2", "score": 0.9, "ci_low": 0.8, "ci_high": 0.95}
        rest = {"parameters": {}, "baseline": {}, "leaderboard": [], "importance": [], "seed": 0, "libraries": {}}
        file = StoredObject(key, len(content), hashlib.sha256(content).hexdigest())
        order = {"name": "m", "description": "", "tags": [], "promote": "never"}
        new = NewTask("train", "bench", workspace.project_id, workspace.owner, order, dataset_id, 1)
        async with resources.database.transaction() as session:
            task = await resources.ledger.submit(session, new)
            told = {**rest, "calibration": None, "card": {}, "file": "model.skops", **fitted.model}
            kept = await keep_version(session, resources.settings, task, Trained(data, told, summary, file, 1.0))
        return UUID(kept["model_id"])

    return make


async def predict(client: AsyncClient, model_id: UUID, **body: Any) -> Response:
    return await client.post(f"/models/{model_id}/predict", json={"rows": [ROW], **body})


def refusal(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_version_by_number_by_alias_and_the_one_in_use(
    clients: dict[str, AsyncClient], make_model: MakeModel, fitted: Fitted, tmp_path: Path
) -> None:
    model_id, client = await make_model(fitted), clients["owner"]
    (folder := tmp_path / "second").mkdir()
    assert await make_model(fit(folder, "ridge", settings={"alpha": 1.0})) == model_id
    await client.put(f"/models/{model_id}/aliases/old", json={"version": 1})
    asked: list[tuple[dict[str, Any], int]] = [
        ({}, 2),
        ({"version": 1}, 1),
        ({"alias": "old"}, 1),
        ({"alias": "latest"}, 2),
    ]
    for choice, version in asked:
        answer = await predict(clients["viewer"], model_id, **choice)
        assert (answer.status_code, answer.json()["version"]) == (200, version), answer.text
    await client.put(f"/models/{model_id}/aliases/champion", json={"version": 1})
    assert (await predict(client, model_id)).json()["version"] == 1
    assert refusal(await predict(client, model_id, version=3)) == (404, "not_found")
    assert refusal(await predict(client, model_id, alias="none")) == (404, "not_found")
    assert refusal(await predict(client, model_id, version=1, alias="old")) == (422, "validation_failed")
    for name in ("predict", "explain", "what-if", "evaluate", "monitor", "predict/batch"):
        body: dict[str, Any] = {"rows": [ROW]} if name in ("predict", "explain") else {"dataset_id": str(new_id())}
        body = {"row": ROW, "changes": [{}]} if name == "what-if" else body
        answer = await clients["stranger"].post(f"/models/{model_id}/{name}", json=body)
        assert refusal(answer) == (404, "not_found"), name


async def test_the_level_of_a_request(
    client: AsyncClient, make_model: MakeModel, fitted: Fitted, tmp_path: Path
) -> None:
    model_id = await make_model(fitted)
    usual, narrow = [(await predict(client, model_id, **more)).json() for more in ({}, {"level": 0.5})]
    assert (usual["level"], narrow["level"]) == (0.9, 0.5)
    assert usual["predictions"][0]["interval"]["low"] < narrow["predictions"][0]["interval"]["low"]
    for level in (0.49, 0.995, "high"):
        assert refusal(await predict(client, model_id, level=level)) == (422, "validation_failed")
    (folder := tmp_path / "before").mkdir()
    old = fit(folder, "ridge", settings={"alpha": 2.0})
    del old.model["conformal"]["ladder"]
    assert refusal(await predict(client, await make_model(old), level=0.5)) == (409, "level_unavailable")


async def test_a_file_or_a_row_that_is_not_genuine_is_not_loaded(
    client: AsyncClient, resources: Resources, make_model: MakeModel, fitted: Fitted
) -> None:
    model_id = await make_model(fitted)
    async with resources.database.transaction() as session:
        key = await session.fetch_value("SELECT key FROM model_versions WHERE model_id = $1", model_id)
        await session.execute("UPDATE model_versions SET sha256 = $2 WHERE model_id = $1", model_id, "0" * 64)
    assert refusal(await predict(client, model_id)) == (409, "model_not_genuine")
    content = b"another model"
    await resources.object_store.put_bytes(key, content)
    async with resources.database.transaction() as session:
        # Signed as if it were ours: the bytes have to be right too.
        sha256 = "1" * 64
        project_id = await session.fetch_value("SELECT project_id FROM models WHERE id = $1", model_id)
        signature = ModelSigner(resources.settings).sign(project_id, model_id, 1, sha256)
        sql = "UPDATE model_versions SET sha256 = $2, signature = $3 WHERE model_id = $1"
        await session.execute(sql, model_id, sha256, signature)
    assert refusal(await predict(client, model_id)) == (503, "corrupt_object")


async def test_signatures_follow_the_key_of_the_instance(
    client: AsyncClient, resources: Resources, make_model: MakeModel, fitted: Fitted
) -> None:
    model_id, present = await make_model(fitted), resources.settings.secret_key
    rotated = {"secret_key": SecretStr("n" * 40), "secret_keys_previous": (present,)}
    later = resources.settings.model_copy(update=rotated)
    await sign_anew(replace(resources, settings=later))
    assert refusal(await predict(client, model_id)) == (409, "model_not_genuine")
    async with resources.database.transaction() as session:
        sql = "UPDATE model_versions SET sha256 = $2 WHERE model_id = $1"
        sha256 = await session.fetch_value("SELECT sha256 FROM model_versions WHERE model_id = $1", model_id)
        await session.execute(sql, model_id, "0" * 64)
    back = later.model_copy(update={"secret_key": present, "secret_keys_previous": (later.secret_key,)})
    # What is not genuine is signed by no key.
    await sign_anew(replace(resources, settings=back))
    async with resources.database.transaction() as session:
        await session.execute(sql, model_id, sha256)
    assert refusal(await predict(client, model_id)) == (409, "model_not_genuine")
    await sign_anew(replace(resources, settings=back))
    assert (await predict(client, model_id)).status_code == 200


async def test_rows_are_checked_before_they_are_predicted(
    client: AsyncClient, make_model: MakeModel, fitted: Fitted
) -> None:
    model_id = await make_model(fitted)
    wrong: list[tuple[list[dict[str, Any]], str]] = [
        ([], "validation_failed"),
        ([ROW] * 1001, "too_many_rows"),
        ([ROW, {"a": "one"}], "invalid_rows"),
        ([ROW, {"unknown": 1}], "invalid_rows"),
        ([{"kind": [1]}], "validation_failed"),
    ]
    for rows, code in wrong:
        assert refusal(await predict(client, model_id, rows=rows)) == (422, code)
    for body in (b'{"rows": [{"a": Infinity}]}', b'{"rows": [{"kind": "\\ud800"}]}'):
        answer = await client.post(
            f"/models/{model_id}/predict", content=body, headers={"Content-Type": "application/json"}
        )
        assert refusal(answer) == (422, "validation_failed")


async def test_an_evaluation_is_kept_with_its_version(
    client: AsyncClient,
    resources: Resources,
    make_model: MakeModel,
    fitted: Fitted,
    make_worker: MakeWorker,
    dataset_id: UUID,
) -> None:
    model_id = await make_model(fitted)
    make_worker(SECRET_KEY=resources.settings.secret_key.get_secret_value())
    for name in ("evaluate", "monitor"):
        answer = await client.post(f"/models/{model_id}/{name}?wait=60", json={"dataset_id": str(dataset_id)})
        assert answer.json()["status"] == "succeeded", answer.text
    kept = (await client.get(f"/models/{model_id}/evaluations")).json()["items"]
    assert [(one["kind"], one["version"], one["rows"]) for one in kept] == [
        ("monitoring", 1, 400),
        ("evaluation", 1, 400),
    ]
    assert kept[1]["summary"]["verdict"] == "as_trained"
    assert {row["metric"] for row in kept[1]["details"]["metrics"]} >= {"r2", "mean_absolute_error"}
    only = (await client.get(f"/models/{model_id}/evaluations?kind=evaluation&limit=1")).json()
    assert [one["id"] for one in only["items"]] == [kept[1]["id"]]


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (ComputeBusy(), 503, "busy"),
        (ComputeFailed("timeout", "t"), 408, "timeout"),
        (ComputeFailed("crashed", "t"), 503, "crashed"),
        (ComputeFailed("invalid_rows", "t"), 422, "invalid_rows"),
    ],
)
async def test_failures_of_the_children_have_their_answers(
    resources: Resources, failure: Exception, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> dict[str, Any]:
        raise failure

    serving, project_id, model_id = ModelServing(resources), new_id(), new_id()
    signature = ModelSigner(resources.settings).sign(project_id, model_id, 1, "aa")
    monkeypatch.setattr(serving._pool, "run", fail)
    with pytest.raises(APIException) as error:
        await serving.ask("predict", ServedModel(project_id, "m", model_id, 1, "k", "aa", signature), {})
    assert (error.value.status, error.value.code) == (status, code)
    assert ("Retry-After" in error.value.headers) == (status == 503)
