"""Executed results that texts are held against."""

from ..app.engines.grounding import GroundTable

TABLES: list[GroundTable] = [
    {
        "name": "t1",
        "columns": ["country", "units", "revenue", "share", "change", "note"],
        "rows": [
            ["CH", 42, 1512345.5, 0.42, -5, "steady"],
            ["DE", 10, 1540000, 0.1, 3.25, None],
            ["Store 12", 7, 99.5, 0.015, 12, "see <b>http://example.org</b>"],
        ],
    },
    {
        "name": "t2",
        "columns": ["month", "orders"],
        "rows": [["2024-01-01", 120], ["2024-02-01", 135], ["2024-03-01T00:00:00Z", 150]],
    },
    {
        "name": "t3",
        "names": ["p95_2024", "sales 2024"],
        "columns": ["total", "growth_factor", "huge"],
        "rows": [[59, 2.5, "12345678901234567890"]],
    },
    {"name": "t4", "columns": ["year", "quarter", "sales"], "rows": [[2023, 4, 8100], [2024, 1, 9300]]},
    {"name": "t5", "columns": ["made"], "rows": [[999]], "literals": ["999"], "plain": [False]},
]
