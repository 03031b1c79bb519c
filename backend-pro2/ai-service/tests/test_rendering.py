"""Results as pictures and documents: what is shown, what is left out, and that texts stay texts."""

import re
import struct
from base64 import b64decode
from copy import deepcopy
from typing import Any

import pytest

from shared.compute import ComputeError

from ..app.engines.rendering.document import COLUMNS_AT_MOST, ROWS_AT_MOST, document_of, text_of
from ..app.engines.rendering.markdown import to_markdown
from ..app.engines.rendering.page import to_html
from ..app.engines.rendering.pictures import draw
from ..app.engines.rendering.run import render_chart, render_report

EVIL = "<script>alert(1)</script> | *x* #strong[y]"
SPEC = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.4.1.json",
    "title": EVIL,
    "data": {"values": [{"a": 1, "b": 2}, {"a": 2, "b": 4}]},
    "mark": "point",
    "encoding": {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "b", "type": "quantitative"}},
}
RESULT: dict[str, Any] = {
    "task_id": "01890a5d-c0de-7abc-9def-0123456789ab",
    "type": "hypothesis-test",
    "summary": {
        "statistic": -10.520986,
        "df": None,
        "effect_size": {"name": "Cohen's d", "value": -2.10419},
        "assumptions": [{"name": "normality", "holds": True, "detail": EVIL}],
        "conclusion": f"They differ: {EVIL}",
    },
    "tables": [{"name": "group_means", "columns": ["group", "mean"], "rows": [[EVIL, 5.006], ["b", None]]}],
    "charts": [{"title": "Means", "spec": SPEC}],
    "warnings": [{"code": "rows_dropped", "message": "3 rows were dropped."}],
    "artifacts": [],
    "manifest": {
        "dataset_id": "01890a5d-c0de-7abc-9def-0123456789ac",
        "version": 2,
        "sha256": "5f2b",
        "params": {"columns": ["a", "b"], "mu": None},
        "seed": 7,
        "libraries": {"scipy": "1.17.1"},
    },
}


def _report(form: str, result: dict[str, Any] = RESULT) -> bytes:
    answer = render_report({"result": result, "title": "Hypothesis test", "format": form}, lambda *_: None)
    return b64decode(answer["content"])


class TestDocument:
    def test_a_summary_becomes_facts_and_tables(self) -> None:
        document = document_of(RESULT, "Hypothesis test")
        assert document.facts == [
            ["statistic", "-10.521"],
            ["df", "-"],
            ["effect size: name", "Cohen's d"],
            ["effect size: value", "-2.10419"],
        ]
        assert [grid.title for grid in document.tables] == ["assumptions", "group means"]
        assert document.tables[0].rows == [["normality", "yes", EVIL]]
        assert ["dataset", "01890a5d-c0de-7abc-9def-0123456789ac, version 2"] in document.origin

    def test_a_large_table_is_cut_and_says_so(self) -> None:
        result = deepcopy(RESULT)
        columns = [f"c{number}" for number in range(COLUMNS_AT_MOST + 3)]
        rows = [list(range(len(columns)))] * (ROWS_AT_MOST + 5)
        result["tables"] = [{"name": "wide", "columns": columns, "rows": rows}]
        grid = document_of(result, "")
        wide = grid.tables[-1]
        assert (len(wide.columns), len(wide.rows)) == (COLUMNS_AT_MOST, ROWS_AT_MOST)
        assert {len(row) for row in wide.rows} == {COLUMNS_AT_MOST}
        assert wide.note == "5 more rows and 3 more columns are in the result."

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, "-"),
            (True, "yes"),
            (1234567, "1234567"),
            (0.1 + 0.2, "0.3"),
            (1.67e-31, "1.67e-31"),
            ([1, 2.5], "1, 2.5"),
        ],
    )
    def test_values_are_readable(self, value: object, text: str) -> None:
        assert text_of(value) == text

    def test_a_long_text_is_cut(self) -> None:
        assert len(text_of("x" * 10_000)) < 1000


class TestFormats:
    def test_html_runs_nothing_and_shows_everything(self) -> None:
        page = _report("html").decode()
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "group means" in page
        assert "3 rows were dropped." in page
        picture = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
        assert picture is not None
        assert b"<script" not in b64decode(picture[1])
        assert not re.search(r"(href|src)=\"(?!data:)", page)

    def test_markdown_shows_texts_as_they_are(self) -> None:
        text = to_markdown(document_of(RESULT, "Hypothesis test"))
        assert r"\<script\>alert\(1\)\</script\> \| \*x\* \#strong\[y\]" in text
        assert "| statistic | \\-10.521 |" in text
        assert "![Means](charts/0?format=png)" in text

    def test_pdf_has_pages_and_is_the_same_each_time(self) -> None:
        content = _report("pdf")
        assert content.startswith(b"%PDF-")
        assert content == _report("pdf")

    def test_a_result_without_anything_is_a_document_too(self) -> None:
        empty = {**RESULT, "summary": {}, "tables": [], "charts": [], "warnings": []}
        for form in ("html", "md", "pdf"):
            assert len(_report(form, empty)) > 100
        assert "<figure>" not in to_html(document_of(empty, ""))


class TestPictures:
    def test_a_png_has_the_size_asked_for(self) -> None:
        small, large = draw(SPEC, "png", 1), draw(SPEC, "png", 2)
        assert large.startswith(b"\x89PNG")
        width = struct.unpack(">I", small[16:20])[0]
        assert struct.unpack(">I", large[16:20])[0] == pytest.approx(2 * width, abs=2)

    def test_a_chart_fetches_nothing(self) -> None:
        spec = {**SPEC, "data": {"url": "http://127.0.0.1:9/data.json"}}
        with pytest.raises(ComputeError) as raised:
            render_chart({"spec": spec, "format": "svg", "scale": 1}, lambda *_: None)
        assert raised.value.code == "unprintable"

    def test_what_is_no_chart_is_refused(self) -> None:
        with pytest.raises(ComputeError) as raised:
            render_chart({"spec": {"mark": 7}, "format": "png", "scale": 1}, lambda *_: None)
        assert raised.value.code == "unprintable"
