"""What a service's module brings in when it is imported, as `python -X importtime` tells."""

import os
import subprocess
from dataclasses import dataclass

from .errors import BenchError
from .instance import env_file, project_python
from .paths import PROJECT

HEAVY = frozenset({"pandas", "sklearn", "ray", "openai", "scipy", "statsmodels", "torch", "duckdb", "pyarrow"})
FORBIDDEN = frozenset({"pandas", "sklearn", "ray", "openai"})


@dataclass(frozen=True, slots=True)
class Imports:
    """Of one service: milliseconds of importing it, the number of modules, the heavy packages among them."""

    milliseconds: float
    modules: int
    heavy: frozenset[str]


def imports_of(module: str) -> Imports:
    """Import `module` (for instance `api-gateway.app.main`) in a fresh interpreter and read the trace."""
    statement = f"import importlib; importlib.import_module({module!r})"
    done = subprocess.run(
        [str(project_python()), "-X", "importtime", "-c", statement],
        cwd=PROJECT,
        env={**os.environ, "ENV_FILE": str(env_file())},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"importing {module} failed: {done.stderr[-1000:]}")
    rows = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines() if "|" in line]
    names = {name.strip(): int(own) for own, _, name in rows if own.strip().isdigit()}
    packages = frozenset(name.split(".")[0] for name in names)
    return Imports(sum(names.values()) / 1000, len(names), packages & HEAVY)
