"""What goes wrong is said: a problem or a failed task with a code and a sentence that tells what to do."""

from typing import Any

import httpx
import pytest

from .api import Api
from .conftest import Visit

pytestmark = pytest.mark.e2e

ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture
def houses(api: Api) -> dict[str, Any]:
    rows = "\n".join(f"{50 + n},{n % 5},7,{1000 + 37 * n}" for n in range(40))
    return api.upload(api.project(), f"area,rooms,constant,price\n{rows}\n".encode(), "houses.csv")


def test_no_token_or_a_false_one(base_urls: list[str], visit: Visit) -> None:
    nobody = visit(base_urls[0])
    paths = ("/auth/me", "/projects", f"/datasets/{ABSENT}", f"/tasks/{ABSENT}", "/analysis/types")
    for path in paths:
        nobody.refused(401, "unauthorized", "GET", path)
    nobody.client.headers["authorization"] = "Bearer a.b.c"
    for path in paths:
        nobody.refused(401, "unauthorized", "GET", path)


def test_foreign_things_look_absent(api: Api, stranger: Api, houses: dict[str, Any]) -> None:
    task = api.analyse(houses, "describe", {})
    paths = [f"/datasets/{houses['id']}", f"/datasets/{houses['id']}/preview", f"/projects/{houses['project_id']}"]
    paths += [f"/tasks/{task['id']}", f"/analysis/{task['id']}", f"/analysis/{task['id']}/result"]
    for path in paths:
        foreign = stranger.refused(404, "not_found", "GET", path)
        kind = path.split("/")[1]
        absent = stranger.refused(404, "not_found", "GET", path.replace(path.split("/")[2], ABSENT))
        assert foreign["detail"] == absent["detail"], kind
    stranger.refused(404, "not_found", "DELETE", f"/datasets/{houses['id']}")
    stranger.refused(404, "not_found", "POST", f"/tasks/{task['id']}/cancel")
    query = {"project_id": houses["project_id"], "sql": "SELECT 1"}
    stranger.refused(404, "not_found", "POST", "/process/query", json=query)
    body = {"project_id": stranger.project(), "dataset_id": houses["id"], "type": "describe", "params": {}}
    stranger.refused(404, "not_found", "POST", "/analysis", json=body)


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [(b"", 422, "empty_file"), (b"\x89PNG\r\n\x1a\n" + b"\x00" * 64, 415, "unsupported_media_type")],
)
def test_files_refused_at_the_door(api: Api, content: bytes, status: int, code: str) -> None:
    api.refused(
        status, code, "POST", "/upload/file", data={"project_id": api.project()}, files={"file": ("x.csv", content)}
    )


def test_a_header_without_rows_is_a_failed_task(api: Api) -> None:
    dataset = api.upload(api.project(), b"a,b,c\n")
    assert dataset["status"] == "failed"
    task = api.ok("GET", f"/tasks/{dataset['task_id']}")
    assert (task["status"], task["error"]["code"]) == ("failed", "no_rows")
    api.refused(409, "dataset_not_ready", "GET", f"/datasets/{dataset['id']}/preview")


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"target": "prise", "features": ["area"]}, "column_not_found", "No column 'prise'. Did you mean 'price'?"),
        ({"target": "price", "features": []}, "invalid_parameters", ""),
        ({"target": "price", "features": ["area"], "method": "magic"}, "invalid_parameters", ""),
        ({"target": "price", "features": ["area"], "surprise": 1}, "invalid_parameters", ""),
    ],
)
def test_parameters_are_checked_when_submitted(
    api: Api, houses: dict[str, Any], params: dict[str, Any], code: str, words: str
) -> None:
    body = {"project_id": houses["project_id"], "dataset_id": houses["id"], "type": "regression", "params": params}
    problem = api.refused(422, code, "POST", "/analysis", json=body)
    assert words in problem["detail"]


def test_a_constant_column_fails_with_its_name(api: Api, houses: dict[str, Any]) -> None:
    task = api.analyse(houses, "regression", {"target": "price", "features": ["area", "constant"]})
    assert (task["status"], task["error"]["code"]) == ("failed", "constant_column")
    assert "constant" in task["error"]["detail"]


def test_fewer_rows_than_coefficients(api: Api) -> None:
    dataset = api.upload(api.project(), b"a,b,c,y\n1,2,4,1\n2,1,3,2\n3,5,1,9\n")
    task = api.analyse(dataset, "regression", {"target": "y", "features": ["a", "b", "c"]})
    assert (task["status"], task["error"]["code"]) == ("failed", "too_few_rows")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM housess", "unknown_table"),
        ("SELECT prise FROM houses", "unknown_column"),
        ("SELEC 1", "invalid_sql"),
        ("DROP TABLE houses", "invalid_sql"),
        ("SELECT 1; SELECT 2", "invalid_sql"),
        ("SELECT * FROM read_csv('/etc/passwd')", "forbidden_sql"),
    ],
)
def test_queries_that_are_not_one_select_over_datasets(api: Api, houses: dict[str, Any], sql: str, code: str) -> None:
    problem = api.refused(422, code, "POST", "/process/query", json={"project_id": houses["project_id"], "sql": sql})
    assert "/etc" not in str(problem)


def test_oversized_and_malformed_bodies(api: Api) -> None:
    api.refused(413, "payload_too_large", "POST", "/projects", json={"name": "x" * 3_000_000})
    for body in (b"{", b'{"name": NaN}', b"\xff\xfe", b'{"name": "\\ud800"}', b"[]", b"null", b""):
        answer = api.client.post("/projects", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422), (body, answer.text)


def test_nothing_here_and_not_this_way(api: Api) -> None:
    api.refused(404, "not_found", "GET", "/nothing")
    problem = api.client.request("PATCH", "/projects")
    assert problem.status_code == 405
    assert "GET" in problem.headers["allow"]


def test_a_password_is_never_echoed(base_urls: list[str]) -> None:
    secret = "hunter2-hunter2-hunter2"
    answer = httpx.post(
        f"{base_urls[0]}/api/v1/auth/register", json={"email": "not an address", "password": secret}, timeout=60
    )
    assert answer.status_code == 422
    assert secret not in answer.text
