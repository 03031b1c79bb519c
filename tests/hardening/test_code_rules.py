"""Our code keeps the rules of security that ruff has no word for; what is decided otherwise stands here, counted."""

import ast
from collections import Counter

import pytest

from . import code_rules as rules
from .trees import code, in_production, place

# Where DuckDB is spoken to: in a child without secrets, on files of one project, after its doors are locked.
ENGINES = {"engines", "queries", "tabular"}
TO_STORES = (rules.composes_what_it_executes, rules.puts_values_into_sql)
EVERYWHERE = (
    *(rules.runs_what_it_reads, rules.compiles_text, rules.starts_a_shell, rules.waits_for_ever),
    *(rules.believes_any_server, rules.lets_the_token_choose, rules.trusts_a_model),
)

# How often a file may break a rule, and why.
DECIDED = {
    # It looks until when a certificate holds, sends nothing, and has to see one that has ended.
    ("believes_any_server", "backend-pro1/api-gateway/app/clients/certificates.py"): 2,
    # Its own guest's token, to ask with what is in it.
    ("lets_the_token_choose", "scripts/instances/isolation_http.py"): 1,
    # Names of tables and databases cannot be parameters; these are of months, of settings and of migrations, quoted.
    ("composes_what_it_executes", "backend-pro1/api-gateway/app/repositories/api_log_partitions.py"): 4,
    ("puts_values_into_sql", "backend-pro1/api-gateway/app/repositories/api_log_partitions.py"): 2,
    ("composes_what_it_executes", "backend-pro1/shared/prepare.py"): 1,
    ("puts_values_into_sql", "backend-pro1/shared/prepare.py"): 1,
    ("composes_what_it_executes", "backend-pro1/scripts/migrations/versions/0005_models.py"): 3,
    ("composes_what_it_executes", "scripts/instances/database.py"): 1,
    ("puts_values_into_sql", "scripts/instances/database.py"): 1,
    ("composes_what_it_executes", "scripts/instances/restore_database.py"): 3,
    ("puts_values_into_sql", "scripts/instances/restore_database.py"): 3,
    ("composes_what_it_executes", "scripts/instances/backup_references.py"): 1,
    ("puts_values_into_sql", "scripts/instances/backup_references.py"): 1,
    # Of a drill's own database: its tables, counted, and its random password, which no statement takes as a parameter.
    ("puts_values_into_sql", "scripts/drills/drill_database.py"): 1,
    ("puts_values_into_sql", "scripts/drills/drill_keys.py"): 1,
    # Around a text of the same file, whose values are parameters.
    ("composes_what_it_executes", "backend-pro1/data-service/app/repositories/datasets.py"): 1,
    ("puts_values_into_sql", "backend-pro1/data-service/app/repositories/datasets.py"): 1,
    # Called by modules while they are loaded, with names of common table expressions.
    ("puts_values_into_sql", "backend-pro1/shared/tasks/statements.py"): 1,
}

FAULTS: dict[rules.Rule, tuple[str, ...]] = {
    rules.runs_what_it_reads: (
        *("import pickle", "from joblib import load", "import cloudpickle as c", "from marshal import loads"),
        *("np.load(path, allow_pickle=True)", "pd.read_pickle(path)"),
    ),
    rules.compiles_text: ("eval(text)", "exec(text, {})", "compile(text, 'x', 'exec')", "__import__(name)"),
    rules.starts_a_shell: (
        *("await asyncio.create_subprocess_shell(line)", "os.popen(line)", "subprocess.getoutput(line)"),
    ),
    rules.waits_for_ever: (
        *("urlopen(url)", "socket.create_connection(place)", "HTTPConnection(host)", "smtplib.SMTP(host, 25)"),
        *("aiohttp.ClientSession(timeout=None)", "httpx.Client(timeout=None)", "asyncpg.connect(url)"),
        *("asyncpg.create_pool(url, timeout=3)", "asyncpg.create_pool(url, timeout=3, command_timeout=None)"),
        *("redis.Redis.from_url(url)", "redis.Redis.from_url(url, socket_timeout=None)", "PoolManager(maxsize=16)"),
    ),
    rules.believes_any_server: (
        *("context.check_hostname = False", "context.verify_mode = ssl.CERT_NONE", "ssl._create_unverified_context()"),
        *("session.get(url, ssl=False)", "httpx.Client(verify=False)", "Redis(check_hostname=False)"),
    ),
    rules.lets_the_token_choose: (
        *("jwt.decode(token, key)", "jwt.decode(token, key, algorithms=None)", "jwt.get_unverified_claims(token)"),
        *("jwt.decode(token, key, algorithms=['HS256', 'none'])", "jwt.decode(token, key, algorithms=chosen)"),
    ),
    rules.trusts_a_model: ("skops.io.load(file, trusted=True)", "load(file, trusted=get_untrusted_types(file=file))"),
    rules.composes_what_it_executes: (
        *("s.execute(f'DELETE FROM {table}')", "s.fetch('SELECT a FROM b WHERE c = ' + given)"),
        *("s.fetchrow('SELECT %s' % given)", "s.fetchval('SELECT {}'.format(given))", "s.execute(' '.join(parts))"),
    ),
    rules.puts_values_into_sql: (
        *("def f(given): return f'SELECT a FROM b WHERE c = {given}'", "def f(t): return f'delete from {t.name}'"),
        *("async def f(a): x = f'\\n  WITH n AS ({a()}) SELECT 1'", "f = lambda a: f'UPDATE {a} SET b = 1'"),
    ),
}
HARMLESS: dict[rules.Rule, tuple[str, ...]] = {
    rules.runs_what_it_reads: ("import json", "np.load(path, allow_pickle=False)"),
    rules.compiles_text: ("re.compile(text)", "await redis.eval(script, keys, [])"),
    rules.starts_a_shell: ("await asyncio.create_subprocess_exec('ls')",),
    rules.waits_for_ever: (
        *("urlopen(url, timeout=3)", "socket.create_connection(place, 3)", "aiohttp.ClientSession(timeout=limits)"),
        *("loop.create_connection(make, sock=there)", "HTTPConnection(host, 80, 3)", "asyncpg.connect(url, timeout=3)"),
        *("asyncpg.create_pool(url, timeout=3, command_timeout=9)", "PoolManager(timeout=limits)", "session.connect()"),
    ),
    rules.believes_any_server: ("context.check_hostname = True", "session.get(url, ssl=context)"),
    rules.lets_the_token_choose: ("jwt.decode(token, key, algorithms=['HS256'])",),
    rules.trusts_a_model: ("skops.io.load(file, trusted=[*OURS])",),
    rules.composes_what_it_executes: ("s.execute(_STATEMENT, given)", "s.execute('SELECT 1')", "s.execute(f'A')"),
    rules.puts_values_into_sql: ("TEXT = f'SELECT {a}'", "def f(): return f'SELECT {COLUMNS} FROM {_TABLE}'"),
}


@pytest.fixture(scope="module")
def broken() -> Counter[tuple[str, str]]:
    """How often each file breaks each rule; each file is read once."""
    found: Counter[tuple[str, str]] = Counter()
    for path in (path for path in code() if in_production(path)):
        asked = EVERYWHERE if ENGINES & set(path.parts) else (*EVERYWHERE, *TO_STORES)
        for node in ast.walk(ast.parse(path.read_text())):
            found.update((rule.__name__, place(path)) for rule in asked if rule(node))
    return found


@pytest.mark.parametrize("rule", [*EVERYWHERE, *TO_STORES], ids=lambda rule: rule.__name__)
def test_is_kept_but_where_it_was_decided(rule: rules.Rule, broken: Counter[tuple[str, str]]) -> None:
    there = {key: times for key, times in broken.items() if key[0] == rule.__name__}
    decided = {key: times for key, times in DECIDED.items() if key[0] == rule.__name__}
    assert there == decided, "decide it, and say why, in DECIDED"


@pytest.mark.parametrize("rule", [*EVERYWHERE, *TO_STORES], ids=lambda rule: rule.__name__)
def test_sees_what_it_is_there_for_and_nothing_else(rule: rules.Rule) -> None:
    assert [text for text in FAULTS[rule] if not any(map(rule, ast.walk(ast.parse(text))))] == []
    assert [text for text in HARMLESS[rule] if any(map(rule, ast.walk(ast.parse(text))))] == []


def test_the_whole_of_production_is_looked_at() -> None:
    looked_at = {place(path).split("/")[1] for path in code() if in_production(path)}
    assert {"shared", "api-gateway", "data-service", "ai-service", "scripts", "instances"} <= looked_at
