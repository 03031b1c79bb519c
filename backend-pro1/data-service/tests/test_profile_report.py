"""The profile as a page: complete, harmless whatever the data says, bounded."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..app.engines.profiling.report import DETAILED, render
from ..app.schemas.profiles import ProfileModel
from .conftest import quiet
from .made import Maker
from .test_profile_numbers import profile_of

HOSTILE = [
    "<script>alert(1)</script>",
    '"onload="alert(1)',
    "</style><img src=x onerror=alert(1)>",
    "'{{ 70001*3 }}",
    "\u202etxt",
]
TAGS = (
    "html head meta title style body header h1 h2 h3 p ul li table thead tbody tr th td div section span bdi figure "
    "figcaption svg g rect text"
)


class Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(profile: Any, name: str = "orders") -> Reader:
    job = {"name": name, "version": 3, "profile": ProfileModel.model_validate(profile).model_dump(by_alias=True)}
    reader = Reader()
    reader.feed(render(json.loads(json.dumps(job)), quiet)["html"])
    return reader


def test_hostile_names_and_values_stay_texts(tmp_path: Path) -> None:
    columns = {name: [*HOSTILE, *HOSTILE] for name in HOSTILE} | {
        "n": list(range(10)),
        'm"><b>': [i * i for i in range(10)],
    }
    page = _page(profile_of(tmp_path, columns), HOSTILE[0])
    assert page.tags <= set(TAGS.split())
    assert not {name for name in page.attributes if name.startswith("on")} | (
        {"src", "href", "style"} & set(page.attributes)
    )
    for text in HOSTILE:
        assert text in page.text
    assert "210003" not in page.text


def test_the_figures_are_there(tmp_path: Path) -> None:
    page = _page(profile_of(tmp_path, {"x": [1.5, 2.5, None, 14.0], "y": [1, 2, 3, 5], "s": ["a", "b", "a", "b"]}))
    for text in ("Pearson's r", "Spearman's rho", "Standard deviation", "25.0 %", "Most frequent"):
        assert text in page.text


def test_many_columns_are_cut_and_it_says_so(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, {f"c{number}": [1, 2] for number in range(3)})
    profile["columns"] = profile["columns"] * 70
    page = _page(profile)
    assert f"The first {DETAILED} columns are shown in detail; the other 10 are in the table" in page.text


def test_profiles_of_former_versions_have_defaults(tmp_path: Path) -> None:
    old = profile_of(tmp_path, {"x": [1, 2], "s": ["a", "b"]})
    for column in old["columns"]:
        for member in ("skewness", "kurtosis", "zeros", "negatives", "text", "time"):
            del column[member]
    for member in ("spearman", "cramers_v"):
        del old["correlations"][member]
    del old["approximate"]
    model = ProfileModel.model_validate(old)
    assert (model.columns[0].text, model.correlations.spearman.columns, model.approximate) == (None, [], [])
    assert "Standard deviation" in _page(old).text


@pytest.mark.integration
async def test_the_route(client: httpx.AsyncClient, editor: dict[str, str], maker: Maker, tmp_path: Path) -> None:
    dataset_id = await maker.dataset("Umsätze <2024>")
    await maker.version(dataset_id, 1)
    profile = profile_of(tmp_path, {"x": [1, 2, 3]})
    await maker.run("UPDATE dataset_versions SET profile = $2 WHERE dataset_id = $1 RETURNING 1", dataset_id, profile)
    path = f"/manage/datasets/{dataset_id}/profile/report"
    answer = await client.get(path, headers=editor)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "Profile of <bdi>Umsätze &lt;2024&gt;</bdi>" in answer.text
    again = await client.get(path, headers={**editor, "If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert (await client.get(path, headers=editor, params={"version": 9})).status_code == 404
