"""Instances stand side by side and know nothing of each other."""

import pytest

from .conftest import Visit

pytestmark = pytest.mark.e2e


def test_a_token_of_one_instance_is_refused_by_the_other(base_urls: list[str], visit: Visit) -> None:
    first, second = visit(base_urls[0]).signed_up(), visit(base_urls[1]).signed_up()
    assert first.ok("GET", "/auth/me")["email"] == first.email
    assert second.ok("GET", "/auth/me")["email"] == second.email
    second.client.headers["authorization"] = first.client.headers["authorization"]
    second.refused(401, "unauthorized", "GET", "/auth/me")
    answer = second.client.post("/auth/refresh", json={"refresh_token": first.tokens["refresh_token"]})
    assert answer.status_code == 401


def test_the_second_instance_does_the_main_job_too(base_urls: list[str], visit: Visit, diabetes_csv: bytes) -> None:
    api = visit(base_urls[1]).signed_up()
    dataset = api.upload(api.project(), diabetes_csv)
    task = api.analyse(dataset, "regression", {"target": "target", "features": ["bmi", "s5"]})
    assert api.result(task)["summary"]["n"] == 442
