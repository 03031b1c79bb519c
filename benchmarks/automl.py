"""Scores on rows kept apart and seconds taken of our training and of FLAML, each with the same budget on two cores."""

import argparse
import statistics
from pathlib import Path
from typing import Any

from .harness.engine_run import PYTHON, run_json
from .harness.errors import run_main
from .harness.paths import PROJECT, ROOT, scratch
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table

BUDGET, OVER, THREADS = 60.0, 2.0, 2
FLAML_PYTHON = ROOT / ".venv-flaml" / "bin" / "python"
# Writes learn and test parts of each set, of which scikit-learn brings the real ones.
_SETS = r"""
import csv, gzip, json, pathlib, re, sys
import numpy as np, pandas as pd, sklearn
from sklearn.datasets import load_breast_cancer, load_diabetes, make_classification, make_regression
from sklearn.model_selection import train_test_split

def arff(name):
    path = next((pathlib.Path(sklearn.__file__).parent / "datasets/tests/data/openml" / name).glob("data-v1-dl-*.gz"))
    head, body = re.split(r"@data\s*\n", gzip.decompress(path.read_bytes()).decode(), flags=re.IGNORECASE)
    lines = [line for line in head.splitlines() if line.lower().startswith("@attribute")]
    frame = pd.DataFrame(list(csv.reader(body.splitlines(), quotechar="'" if "'" in body[:200] else '"')),
                         columns=[line.split()[1].strip("'") for line in lines])
    for line, column in zip(lines, list(frame)):
        frame[column] = frame[column].where(frame[column] != "?")
        if line.lower().rstrip().endswith(("numeric", "real", "integer")):
            frame[column] = frame[column].astype(float)
    return frame

def made(x, y):
    return pd.DataFrame(x, columns=[f"x{number}" for number in range(x.shape[1])]).assign(target=y)

titanic = arff("id_40945").drop(columns=["boat", "body"]).rename(columns={"survived": "target"})
penguins = arff("id_42585").rename(columns={"species": "target"})
flip = make_classification(100000, 20, n_informative=10, flip_y=0.05, random_state=0)
x, y = make_regression(100000, 20, n_informative=10, noise=20, random_state=0)
wave = made(x, y + 50 * np.sin(3 * x[:, 0]))
sets = {
    "diabetes": (load_diabetes(as_frame=True, scaled=False).frame, "r2"),
    "breast cancer": (load_breast_cancer(as_frame=True).frame, "roc_auc"),
    "titanic": (titanic, "roc_auc"),
    "penguins": (penguins, "log_loss"),
    "100,000 rows, classes": (made(*flip), "roc_auc"),
    "100,000 rows, numbers": (wave, "r2"),
}
found = []
for number, (name, (frame, metric)) in enumerate(sets.items()):
    frame = frame.dropna(subset=["target"])
    if metric != "r2":
        frame = frame.assign(target=frame["target"].astype(str))
    layers = None if metric == "r2" else frame["target"]
    parts = train_test_split(frame, test_size=0.25, random_state=0, stratify=layers)
    paths = [f"{sys.argv[1]}-{number}-{part}.parquet" for part in ("learn", "test")]
    for part, path in zip(parts, paths):
        part.to_parquet(path, index=False)
    found.append({"name": name, "metric": metric, "learn": paths[0], "test": paths[1]})
print(json.dumps({"sets": found}))
"""
_SCORE = r"""
def score(metric, truth, said, classes):
    from sklearn.metrics import log_loss, r2_score, roc_auc_score
    if metric == "r2":
        return float(r2_score(truth, said))
    if metric == "log_loss":
        return float(log_loss(truth, said, labels=classes))
    return float(roc_auc_score(truth == classes[1], said[:, 1]))
"""
_OURS = (
    _SCORE
    + r"""
import hashlib, importlib, json, pathlib, sys, tempfile, time
import numpy as np, pyarrow.parquet as pq
run = importlib.import_module("ai-service.app.engines.training.run")
served = importlib.import_module("ai-service.app.engines.training.served")
learn, test, metric, budget, threads = sys.argv[1:]
data = {"path": learn, "sha256": hashlib.sha256(pathlib.Path(learn).read_bytes()).hexdigest()}
with tempfile.TemporaryDirectory() as folder:
    job = {"type": "train", "seed": 0, "data": data, "output": folder, "threads": int(threads), "parameters": {
        "target": "target", "metric": metric, "budget_seconds": float(budget), "max_candidates": 1000}}
    started = time.perf_counter()
    answer = run.train(job, lambda *_: None)
    took = time.perf_counter() - started
    model = served.load(pathlib.Path(folder) / "model.skops", answer["model"])
    rows = pq.read_table(test)
    said = model.predict_table(rows)
    classes = answer["model"]["classes"]
    values = np.column_stack([said.column(f"probability_{name}") for name in classes]) if classes else said.column(
        "prediction").to_numpy()
    truth = rows.column("target").to_numpy(zero_copy_only=False)
    print(json.dumps({"score": score(metric, truth, values, classes), "seconds": took,
                      "model": answer["summary"]["algorithm"], "candidates": answer["summary"]["candidates"]}))
"""
)
_THEIRS = (
    _SCORE
    + r"""
import json, sys, time
import pandas as pd
from flaml import AutoML
learn, test, metric, budget, threads = sys.argv[1:]
learn, test = pd.read_parquet(learn), pd.read_parquet(test)
started, model = time.perf_counter(), AutoML()
model.fit(learn.drop(columns="target"), learn["target"], task="regression" if metric == "r2" else "classification",
          metric=metric, time_budget=float(budget), n_jobs=int(threads), seed=0, verbose=0)
took = time.perf_counter() - started
x = test.drop(columns="target")
said = model.predict(x) if metric == "r2" else model.predict_proba(x)
classes = None if metric == "r2" else list(model.classes_)
print(json.dumps({"score": score(metric, test["target"].to_numpy(), said, classes), "seconds": took,
                  "model": model.best_estimator, "candidates": len(model.config_history)}))
"""
)


def sets() -> list[dict[str, Any]]:
    """Names, metrics and files."""
    found: list[dict[str, Any]] = run_json([str(PYTHON), "-c", _SETS, str(scratch("automl"))], PROJECT)["sets"]
    return found


def run(python: Path, code: str, one: dict[str, Any], budget: float) -> dict[str, Any]:
    """One training and its score on the rows kept apart."""
    arguments = [one["learn"], one["test"], one["metric"], str(budget), str(THREADS)]
    return run_json([str(python), "-c", code, *arguments], PROJECT)


def first_rank(metric: str, ours: float, theirs: float) -> float:
    """Of ours: 1 the better, 2 the worse, 1.5 the same to three digits."""
    sign = -1 if metric == "log_loss" else 1
    difference = round(sign * (ours - theirs), 3)
    return 1.5 if difference == 0 else 1.0 if difference > 0 else 2.0


def main() -> int:
    """Each set by ours, and by theirs where it is installed."""
    parser = argparse.ArgumentParser(prog="automl.sh", description=__doc__)
    parser.add_argument("--budget", type=float, default=BUDGET, help=f"seconds of each training (default {BUDGET:g})")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    rivals = [("ours", PYTHON, _OURS)] + ([("FLAML", FLAML_PYTHON, _THEIRS)] if FLAML_PYTHON.exists() else [])
    rows, ranks, slowest = [], [], 0.0
    for one in sets():
        found = {name: run(python, code, one, options.budget) for name, python, code in rivals}
        slowest = max(slowest, found["ours"]["seconds"])
        rows += [
            (one["name"], one["metric"], name, f"{its['score']:.4f}", f"{its['seconds']:.1f}", its["model"],
             its["candidates"])
            for name, its in found.items()
        ]  # fmt: skip
        if "FLAML" in found:
            ranks.append(first_rank(one["metric"], found["ours"]["score"], found["FLAML"]["score"]))
    allowed = options.budget + OVER
    checks = [Check(f"never later than {allowed:g} s", f"{slowest:.1f} s at most", slowest <= allowed)]
    if ranks:
        rank = statistics.mean(ranks)
        checks.append(Check("mean rank no worse than FLAML's", f"{rank:.2f} beside {3 - rank:.2f}", rank <= 3 - rank))
    head = ("data", "metric", "by", "score on rows kept apart", "seconds", "model", "candidates")
    text = f"Budget {options.budget:g} s, {THREADS} threads" + ("." if ranks else "; FLAML is not installed.")
    return finish("automl.sh", [text, table(head, rows)], checks, publish=options.publish)


if __name__ == "__main__":
    run_main(main)
