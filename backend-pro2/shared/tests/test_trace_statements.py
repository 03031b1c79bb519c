"""What statements are called in traces: table and verb, never a value."""

import pytest

from shared.tracing.statements import described


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT 1", "SELECT"),
        ("SELECT id FROM users WHERE email = 'secret FROM elsewhere'", "SELECT users"),
        ("SELECT id\nFROM\n  datasets d JOIN projects p ON true", "SELECT datasets"),
        ("INSERT INTO projects (id) VALUES ($1)", "INSERT projects"),
        ("UPDATE analysis_tasks SET status = 'x' WHERE id = $1", "UPDATE analysis_tasks"),
        ("DELETE FROM ONLY sessions WHERE true", "DELETE sessions"),
        ("SELECT true FROM analysis_tasks WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED", "SELECT analysis_tasks"),
        ("WITH saturated AS (SELECT 1 FROM analysis_tasks) SELECT id FROM saturated", "SELECT analysis_tasks"),
        ("WITH taken AS (UPDATE analysis_tasks SET a = 1) SELECT a FROM taken", "UPDATE analysis_tasks"),
        ("-- FROM a comment\nSELECT a FROM b", "SELECT b"),
        ("SELECT pg_try_advisory_lock($1)", "SELECT"),
        ("SELECT x FROM unnest($1::uuid[]) x", "SELECT"),
        ("COPY INTO api_logs", "COPY api_logs"),
        ("COMMIT", "COMMIT"),
        ("LISTEN x", "SQL"),
        ("", "SQL"),
    ],
)
def test_a_statement_is_named_by_verb_and_table(sql: str, name: str) -> None:
    found, attributes = described(sql)
    assert found == name
    assert attributes["db.system.name"] == "postgresql"
    assert attributes["db.query.summary"] == name
    assert attributes.get("db.collection.name", "") == name.partition(" ")[2]


def test_no_literal_is_in_it() -> None:
    name, attributes = described("SELECT 'my-pass' FROM t WHERE a = 'b''c' AND d = 42 AND e = $tag$text$tag$")
    assert all(word not in repr((name, attributes)) for word in ("my-pass", "b''c", "42", "text"))
