"""An analysis by REST through the gateway, beside the same library call in a script on the same Parquet file."""

import argparse
import statistics
import time
from pathlib import Path

from .harness.client import User, call, new_user
from .harness.datasets import upload, wait_for
from .harness.engine_run import PYTHON, run_json
from .harness.errors import BenchError, run_main
from .harness.instance import QUIET, Instance, running
from .harness.paths import PROJECT
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table
from .harness.table_file import csv_of

SIZES, ROUNDS, EACH = (1_000, 1_000_000), 3, 5
MILLISECONDS = 1000
ALLOWED_SHARE, ALLOWED_MS = 0.10, 60.0
SMALL = 1_000
# The figures of the result by the same libraries, without what they have only by fitting once for each row left out.
# Imports are not counted, nor is the first call.
_SCRIPT = r"""
import json, sys, time
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.diagnostic import het_breuschpagan
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.stats.stattools import durbin_watson
path, times = sys.argv[1], int(sys.argv[2])
def model():
    data = pd.read_parquet(path, columns=["price", "quantity", "margin"]).dropna()
    x = sm.add_constant(data[["quantity", "margin"]].astype(float))
    return x, sm.OLS(data["price"].astype(float), x).fit()
def fit():
    x, found = model()
    influence = found.get_influence()
    return found.summary().as_text(), het_breuschpagan(found.resid, x), influence.hat_matrix_diag.max()
def figures():
    x, found = model()
    influence, fitted = found.get_influence(), found.fittedvalues
    white = sm.OLS(found.resid**2, np.column_stack([np.ones(len(x)), fitted, fitted**2])).fit()
    return (
        found.summary().as_text(), found.conf_int(), het_breuschpagan(found.resid, x), white.rsquared,
        durbin_watson(found.resid), [variance_inflation_factor(x.to_numpy(), column) for column in (1, 2)],
        influence.hat_matrix_diag.max(), influence.cooks_distance[0].max(), stats.probplot(found.resid, fit=False),
    )
def timed(work):
    work()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds
print(json.dumps({"seconds": timed(figures), "fit": timed(fit)}))
"""


def ours(api: str, user: User, dataset: dict[str, str]) -> list[float]:
    """Seconds of each analysis by REST, submitted, waited for and read."""
    seconds = []
    for seed in range(EACH):
        params = {"method": "ols", "target": "price", "features": ["quantity", "margin"]}
        body = {"project_id": dataset["project_id"], "dataset_id": dataset["id"], "params": params, "seed": seed}
        started = time.perf_counter()
        task = call("POST", f"{api}/analysis/regression?wait=60", token=user.token, body=body)
        if task["status"] != "succeeded":
            raise BenchError(f"the analysis has {task['status']}: {task['error']}")
        call("GET", f"{api}/analysis/{task['id']}/result", token=user.token)
        seconds.append(time.perf_counter() - started)
    return seconds


def script(path: Path) -> dict[str, list[float]]:
    """Seconds of each call in a script: `seconds` for all figures, `fit` for the model and its summary alone."""
    return run_json([str(PYTHON), "-c", _SCRIPT, str(path), str(EACH)])


def ingested(instance: Instance, user: User, path: Path) -> tuple[dict[str, str], Path]:
    """The dataset, and its cached Parquet file."""
    api = f"{instance.gateway_url}/api/v1"
    project = call("POST", f"{api}/projects", token=user.token, body={"name": path.stem})["id"]
    dataset = upload(api, user, project, path)
    wait_for(api, user, dataset["task_id"])
    version = call("GET", f"{api}/datasets/{dataset['id']}/versions/1", token=user.token)
    call("GET", f"{api}/datasets/{dataset['id']}/preview?limit=1", token=user.token)
    return dataset, (PROJECT / instance.values["CACHE_DIR"] / version["parquet_sha256"]).resolve()


def main() -> int:
    """Ingest, then ask both in turn, for each size."""
    parser = argparse.ArgumentParser(prog="analysis_overhead.sh", description=__doc__)
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    rows, checks = [], []
    with running(QUIET) as instance:
        user, api = new_user(instance.gateway_url), f"{instance.gateway_url}/api/v1"
        for size in SIZES:
            dataset, parquet = ingested(instance, user, csv_of(size))
            ours(api, user, dataset)
            by_rest: list[float] = []
            by_script: list[float] = []
            by_fit: list[float] = []
            for _ in range(ROUNDS):
                by_rest += ours(api, user, dataset)
                told = script(parquet)
                by_script += told["seconds"]
                by_fit += told["fit"]
            mine, theirs, fit = (statistics.median(taken) * MILLISECONDS for taken in (by_rest, by_script, by_fit))
            allowed = theirs * (1 + ALLOWED_SHARE) + (ALLOWED_MS if size == SMALL else 0)
            rows.append((f"{size:,}", f"{mine:.0f}", f"{theirs:.0f}", f"{mine - theirs:.0f}", f"{fit:.0f}"))
            checks.append(Check(f"{size:,} rows: at most {allowed:.0f} ms", f"{mine:.0f} ms", mine <= allowed))
    lines = table(("rows", "by REST, ms", "same figures by a script, ms", "more", "fit and summary alone"), rows)
    about = f"Least squares with diagnostics, {ROUNDS * EACH} calls each."
    return finish("analysis_overhead.sh", [about, lines], checks, publish=options.publish)


if __name__ == "__main__":
    run_main(main)
