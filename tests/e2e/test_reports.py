"""Results as pictures and documents, through the gateway."""

from typing import Any

import pytest

from .api import Api

pytestmark = pytest.mark.e2e


@pytest.fixture
def task(api: Api, diabetes_csv: bytes) -> dict[str, Any]:
    """A finished regression, which has three charts."""
    dataset = api.upload(api.project(), diabetes_csv)
    return api.analyse(dataset, "regression", {"target": "target", "features": ["bmi", "bp"]})


def test_charts_are_drawn(api: Api, task: dict[str, Any]) -> None:
    place = f"/analysis/{task['id']}/charts"
    picture = api.client.get(f"{place}/0")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "Coefficients for target" in picture.text
    small, large = (api.client.get(f"{place}/1", params={"format": "png", "scale": scale}) for scale in (1, 2))
    assert small.content.startswith(b"\x89PNG")
    assert int.from_bytes(large.content[16:20]) > 1.9 * int.from_bytes(small.content[16:20])
    charts = api.result(task)["charts"]
    assert api.ok("GET", f"{place}/2", params={"format": "json"}) == charts[2]["spec"]
    api.refused(404, "not_found", "GET", f"{place}/{len(charts)}")
    api.refused(422, "validation_failed", "GET", f"{place}/0", params={"format": "gif"})


def test_a_report_is_written(api: Api, task: dict[str, Any]) -> None:
    place = f"/analysis/{task['id']}/report"
    page = api.client.get(place)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert '<th scope="row">r2</th>' in page.text
    assert page.text.count("<figure>") == len(api.result(task)["charts"])
    text = api.client.get(place, params={"format": "md"}).text
    assert "## coefficients" in text
    document = api.client.get(place, params={"format": "pdf"})
    assert document.content.startswith(b"%PDF-")
    assert document.headers["content-disposition"] == f'inline; filename="report-{task["id"]}.pdf"'
    again = api.client.get(place, params={"format": "pdf"}, headers={"if-none-match": document.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_stranger_sees_neither(api: Api, task: dict[str, Any]) -> None:
    stranger = Api(api.base_url).signed_up()
    for place in ("charts/0", "report"):
        stranger.refused(404, "not_found", "GET", f"/analysis/{task['id']}/{place}")
    stranger.client.close()
