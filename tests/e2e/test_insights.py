"""Findings, explanations and descriptions of columns through the gateway: facts decide, whatever the model says."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .api import Api
from .llm import Rules, captured, scripted

pytestmark = pytest.mark.e2e

CSV = b"""region,units,year,email
North,4,2024,a@example.org
South,3,2024,b@example.org
North,5,2024,c@example.org
East,6,2024,d@example.org
"""
FINDING = {"title": "Few rows", "text": "There are {{f1}} rows, 4 as said, and not 4711.", "facts": ["f1"]}
MISSING = {"title": "Invented", "text": "Nobody knows.", "facts": ["f999"]}
# What the model is told first says what is wanted of it.
RULES: Rules = {
    "You find what is worth knowing": [{"text": json.dumps({"findings": [FINDING, MISSING]})}],
    "You explain the result": [{"text": "The data has {{f1}} rows, or 4711 if you believe me."}],
    "You explain to a user": [{"text": "The column never changes. <b>Leave</b> it out."}],
    "You propose descriptions": [
        {
            "text": json.dumps(
                {
                    "columns": [
                        {"name": "units", "description": "Pieces sold.", "unit": "pieces"},
                        {"name": "email", "description": "Where to write.", "unit": None},
                    ]
                }
            )
        }
    ],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("model")
    with scripted(RULES, folder):
        yield folder
    sent = b"".join(one.request for one in captured(folder))
    assert b"units" in sent
    assert b"example.org" not in sent
    assert b"email" not in sent


@pytest.fixture
def sales(api: Api, model: Path) -> dict[str, Any]:
    return api.upload(api.project(), CSV, "sales.csv")


def about(dataset: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"project_id": dataset["project_id"], **more}


def test_findings_of_a_profile(api: Api, stranger: Api, sales: dict[str, Any]) -> None:
    order = about(sales, dataset_id=sales["id"], focus="What sells?")
    found = api.ok("POST", "/analysis/insights", json=order)
    (finding,) = found["findings"]
    assert finding["text"] == "There are 4 rows, 4 as said, and not [unverified]."
    assert [claim["status"] for claim in finding["claims"]] == ["grounded", "grounded", "struck"]
    assert [warning["code"] for warning in found["warnings"]] == ["findings_dropped", "unverified_numbers"]
    assert api.ok("GET", f"/analysis/{found['task_id']}/result")["type"] == "insights"
    stranger.refused(404, "not_found", "POST", "/analysis/insights", json=order)


def test_a_result_and_an_error_are_explained(api: Api, stranger: Api, sales: dict[str, Any]) -> None:
    described = api.analyse(sales, "describe", {"columns": ["units"]})
    told = api.ok("POST", "/analysis/explain", json=about(sales, task_id=described["id"]))
    assert told["explanation"].endswith("or [unverified] if you believe me.")
    assert [claim["status"] for claim in told["claims"]] == ["grounded", "struck"]
    failed = api.analyse(sales, "regression", {"method": "ols", "target": "units", "features": ["year"]})
    assert failed["error"]["code"] == "constant_column"
    order = about(sales, task_id=failed["id"])
    assert api.ok("POST", "/analysis/explain", json=order)["explanation"] == "The column never changes. Leave it out."
    stranger.refused(404, "not_found", "POST", "/analysis/explain", json=order)


def test_descriptions_are_proposed_and_nothing_is_written(api: Api, sales: dict[str, Any]) -> None:
    proposed = api.ok("POST", "/analysis/describe-columns", json=about(sales, dataset_id=sales["id"]))
    assert [(column["name"], column["unit"]) for column in proposed["columns"]] == [("units", "pieces")]
    schema = api.ok("GET", f"/datasets/{sales['id']}/schema")
    assert "Pieces sold." not in json.dumps(schema)
