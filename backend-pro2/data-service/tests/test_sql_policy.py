"""What may be asked, and what may not."""

from collections.abc import Iterator

import duckdb
import pytest

from shared.compute.protocol import ComputeError
from shared.queries import functions, policy
from shared.tabular.duck import connect

LEGAL = {
    "SELECT a, b FROM t": ("t",),
    "select * from T where a in (1, 2) and s like 'x%' or not (b between 1 and 4)": ("T",),
    "SELECT s, count(*), sum(a) FILTER (WHERE b > 2) FROM t GROUP BY s HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 3": (
        "t",
    ),
    "WITH x AS (SELECT * FROM t), y AS MATERIALIZED (SELECT a FROM x) SELECT * FROM x JOIN y USING (a)": ("t",),
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r": (),
    "SELECT row_number() OVER (PARTITION BY s ORDER BY a), lag(a) OVER w FROM t WINDOW w AS (ORDER BY a)": ("t",),
    "SELECT CASE WHEN a > 1 THEN 'q' END, a::varchar, try_cast(s AS integer), coalesce(a, 1) FROM t": ("t",),
    "SELECT (SELECT max(a) FROM u), EXISTS (SELECT 1 FROM v) FROM t": ("t", "u", "v"),
    "SELECT * EXCLUDE (a) REPLACE (b + 1 AS b) FROM t": ("t",),
    "SELECT [1, 2][1], {'k': 1}.k, map([1], [2]), list_transform([1], x -> x + 1)": (),
    "SELECT * FROM (VALUES (1, 2)) v(x, y)": (),
    "SELECT * FROM t a LEFT JOIN t b ON a.a = b.b CROSS JOIN u": ("t", "u"),
    "SELECT * FROM t UNION ALL SELECT * FROM u EXCEPT SELECT * FROM v": ("t", "u", "v"),
    "SELECT DISTINCT ON (s) s, a FROM t ORDER BY s": ("t",),
    "SELECT * FROM t, unnest([1, 2]) q(x), range(3), generate_series(1, 2)": ("t",),
    "SELECT date_trunc('month', d), extract(year FROM d), d + INTERVAL 1 DAY, now(), current_date FROM t": ("t",),
    "SELECT a FROM t QUALIFY row_number() OVER (ORDER BY a) = 1": ("t",),
    "FROM t SELECT a": ("t",),
    'SELECT * FROM "sales 2024@3"': ("sales 2024@3",),
    "SELECT * FROM (PIVOT t ON s IN ('x', 'y') USING sum(a))": ("t",),
    "SELECT * FROM (UNPIVOT t ON a, b INTO NAME n VALUE v)": ("t",),
    "SELECT string_agg(s, ',' ORDER BY a), quantile_cont(a, 0.5), corr(a, b), mode(s) FROM t": ("t",),
    "SELECT regexp_replace(s, 'a', 'b'), s ~ 'x', s ILIKE 'X', trim(s), s || 'y' FROM t;": ("t",),
    "SELECT 1 -- DROP TABLE t": (),
}
ATTACKS = (
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_parquet('/tmp/x.parquet')",
    "SELECT * FROM parquet_scan('http://169.254.169.254/')",
    "SELECT * FROM read_json('http://169.254.169.254/')",
    "SELECT * FROM read_duckdb('x.db')",
    "SELECT * FROM glob('/**')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('x')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('t')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM seq_scan('t')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM python_map_function()",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM which_secret('a', 's3')",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM system.main.duckdb_tables",
    "SELECT * FROM (WITH pg_class AS (SELECT 1) SELECT * FROM pg_class), pg_class",
    "SELECT * FROM (WITH duckdb_views AS (SELECT 1) SELECT * FROM duckdb_views), duckdb_views",
    "SELECT current_setting('memory_limit')",
    "SELECT getvariable('x')",
    "SELECT getenv('SECRET_KEY')",
    "SELECT current_query()",
    "SELECT nextval('s')",
    "SELECT setseed(1)",
    "SELECT pg_sleep(100)",
    "SELECT sleep_ms(100000)",
    "SELECT write_log('x')",
    "SELECT error('x')",
    "SELECT version()",
    "SELECT json_serialize_plan('SELECT 1')",
    "SELECT main.abs(1)",
    "SELECT system.main.getvariable('x')",
    "SELECT list_transform([1], x -> getvariable('a'))",
    "SELECT 1 WHERE EXISTS (SELECT * FROM read_text('/etc/passwd'))",
    "SELECT a FROM t ORDER BY (SELECT count(*) FROM glob('/*'))",
    "SELECT a FROM t LIMIT (SELECT count(*) FROM glob('/*'))",
    "SELECT sum(a) FILTER (WHERE getvariable('x') = 1) FROM t",
    "SELECT sum(a) OVER (ORDER BY current_setting('x')) FROM t",
    "SELECT * FROM t JOIN u ON getvariable('x') = 1",
    "SELECT * FROM (PIVOT t ON s IN ('x') USING sum(getvariable('x')))",
    "WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x",
    "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM x",
    "SELECT * FROM t AT (VERSION => 1)",
    "DESCRIBE t",
    "SHOW TABLES",
    "SUMMARIZE t",
    "SELECT * FROM (DESCRIBE t)",
    "SELECT $1",
    "SELECT ?",
)
NOT_ONE_SELECT = (
    "",
    ";",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE t",
    "DROP TABLE t",
    "CREATE TABLE x AS SELECT 1",
    "INSERT INTO t VALUES (1)",
    "COPY t TO '/tmp/x'",
    "ATTACH 'x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '1TB'",
    "PRAGMA version",
    "CALL pragma_version()",
    "EXPORT DATABASE 'x'",
    "PREPARE p AS SELECT 1",
    "EXPLAIN SELECT 1",
    "BEGIN",
    "SELEC 1",
    "SELECT (" * 5000,
    "SELECT " + "+".join(["1"] * 4000),
    "SELECT '" + "x" * 20_000 + "'",
    "SELECT 1 /*",
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(memory_mb=128, threads=1) as connection:
        yield connection


@pytest.mark.parametrize("sql", LEGAL)
def test_legal(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    assert sorted(policy.check(connection, sql).tables) == sorted(LEGAL[sql])


@pytest.mark.parametrize("sql", ATTACKS)
def test_attacks_are_forbidden(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(ComputeError) as caught:
        policy.check(connection, sql)
    assert caught.value.code == "forbidden_sql"


@pytest.mark.parametrize("sql", NOT_ONE_SELECT, ids=lambda sql: sql[:30])
def test_what_is_not_one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(ComputeError) as caught:
        policy.check(connection, sql)
    assert caught.value.code == "invalid_sql"


def test_syntax_errors_say_where(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ComputeError) as caught:
        policy.check(connection, "SELECT a\nFROM t WERE x")
    assert "(line 2, column" in caught.value.detail


def test_a_name_of_its_own_may_also_mean_a_dataset(connection: duckdb.DuckDBPyConnection) -> None:
    found = policy.check(connection, "WITH t AS (SELECT * FROM t) SELECT * FROM t")
    assert (found.tables, found.optional) == ((), ("t",))


def test_allowed_names_exist(connection: duckdb.DuckDBPyConnection) -> None:
    known = {row[0] for row in connection.execute("SELECT function_name FROM duckdb_functions()").fetchall()}
    # These are operators of the grammar, or appear in the tree under a function's name.
    assert functions.SCALAR_AND_AGGREGATE - known <= {"!", "->", "coalesce", "grouping", "grouping_id", "ifnull"}


SAME = (
    "SELECT sum(a) AS total FROM t WHERE b = 1",
    "select SUM(a) as total\n\tfrom t where b=1;",
    "/* the sum */ SELECT sum(a) AS total -- of all\nFROM t WHERE (b = 1)",
    "FROM t SELECT sum(a) AS total WHERE b = 1",
)
OTHERS = (
    "SELECT sum(a) AS total FROM t WHERE b = 2",
    "SELECT sum(a) AS totals FROM t WHERE b = 1",
    "SELECT sum(b) AS total FROM t WHERE b = 1",
    "SELECT sum(a) AS total FROM u WHERE b = 1",
    "SELECT sum(a) AS total FROM t WHERE b = '1'",
    "SELECT sum(a) AS total FROM t WHERE b = 1 LIMIT 1",
)


def test_a_digest_tells_queries_apart_and_not_their_writing(connection: duckdb.DuckDBPyConnection) -> None:
    digests = [policy.check(connection, sql).digest for sql in (*SAME, *OTHERS)]
    assert len(set(digests[: len(SAME)])) == 1
    assert len(set(digests)) == 1 + len(OTHERS)


@pytest.mark.parametrize(
    "expression",
    [
        "random()",
        "UUID()",
        '"uuidv7"()',
        "now()",
        "current_date",
        "CURRENT_TIMESTAMP",
        "localtime",
        "age(d)",
        "list_transform([1], lambda x: x + random())",
        "(SELECT max(today()) FROM t)",
    ],
)
def test_what_changes_by_itself(connection: duckdb.DuckDBPyConnection, expression: str) -> None:
    assert not policy.check(connection, f"SELECT {expression} FROM t").is_repeatable  # noqa: S608 - never run


def test_samples_change_by_themselves(connection: duckdb.DuckDBPyConnection) -> None:
    assert not policy.check(connection, "SELECT a FROM t USING SAMPLE 3").is_repeatable
    assert not policy.check(connection, "SELECT a FROM (SELECT a FROM t TABLESAMPLE 10%)").is_repeatable
    assert policy.check(connection, "SELECT a, date_trunc('month', d) FROM t ORDER BY hash(a)").is_repeatable
