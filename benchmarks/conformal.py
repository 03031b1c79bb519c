"""Realised coverage of conformal intervals and sets over many splits, beside the level that they were asked for."""

import argparse
from typing import Any

from .harness.engine_run import PYTHON, run_json
from .harness.errors import run_main
from .harness.paths import PROJECT
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table

SPLITS, LEVELS, WITHIN = 500, (0.8, 0.9, 0.95), 0.02
# Of each split half the rows are learnt from, as a training does it: five folds whose left out rows calibrate a model
# that learns from all of them. The other half is only looked at for its coverage.
_CODE = r"""
import importlib, json, sys
import numpy as np, pyarrow as pa
from sklearn.datasets import load_breast_cancer, load_diabetes, make_classification
from sklearn.model_selection import KFold, StratifiedKFold
from threadpoolctl import threadpool_limits

def module(name):
    return importlib.import_module("ai-service.app.engines.training." + name)

calibration, columns, conformal = module("calibration"), module("columns"), module("conformal")
features, pipelines = module("features"), module("pipelines")
splits, levels = int(sys.argv[1]), [float(level) for level in sys.argv[2].split(",")]

def uneven(random):
    x = random.uniform(-2, 2, (800, 4))
    return x, x[:, 0] * 3 + x[:, 1] ** 2 + random.standard_t(4, 800) * (0.3 + np.abs(x[:, 0]))

def data(name):
    random = np.random.default_rng(0)
    if name == "diabetes":
        return load_diabetes(return_X_y=True, scaled=False)
    if name == "uneven spread":
        return uneven(random)
    if name == "breast cancer":
        return load_breast_cancer(return_X_y=True)
    return make_classification(900, 8, n_informative=5, n_classes=3, flip_y=0.1, random_state=0)

def framed(x):
    table = pa.table({f"x{number}": column for number, column in enumerate(x.T)})
    choice = columns.choose(table, table.column_names, dict.fromkeys(table.column_names, "number"), asked=True)
    return features.frame_of(table, choice.features), choice.features

def of_numbers(name, settings, x, y, found, learn, test, seed):
    predicted, marks = np.empty(len(learn)), np.empty(len(learn), dtype=int)
    for fold, (inner, left) in enumerate(KFold(5, shuffle=True, random_state=seed).split(learn)):
        model = pipelines.pipeline(name, settings, "regression", found, seed)
        predicted[left] = model.fit(x.iloc[learn[inner]], y[learn[inner]]).predict(x.iloc[learn[left]])
        marks[left] = fold
    model = pipelines.pipeline(name, settings, "regression", found, seed).fit(x.iloc[learn], y[learn])
    said = model.predict(x.iloc[test])
    for level in levels:
        made = conformal.conform_numbers(y[learn], predicted, marks, level)
        widths = conformal.half_widths(made, said)
        yield level, np.abs(y[test] - said) <= widths, float(np.mean(2 * widths))

def of_classes(name, settings, x, y, found, learn, test, seed):
    classes = len(np.unique(y))
    labels = y.astype(str).astype(object)
    scores = np.empty((len(learn), 1 if classes == 2 else classes))
    native, marks = np.empty((len(learn), classes)), np.empty(len(learn), dtype=int)
    for fold, (inner, left) in enumerate(StratifiedKFold(5, shuffle=True, random_state=seed).split(learn, y[learn])):
        model = pipelines.pipeline(name, settings, "classification", found, seed)
        model.fit(x.iloc[learn[inner]], labels[learn[inner]])
        scores[left] = pipelines.says_scores(model, x.iloc[learn[left]], classes)
        native[left] = pipelines.says_probabilities(model, x.iloc[learn[left]])
        marks[left] = fold
    chosen = calibration.calibrate(scores, native, y[learn], marks, classes)
    model = pipelines.pipeline(name, settings, "classification", found, seed).fit(x.iloc[learn], labels[learn])
    if chosen.method != "none":
        made = calibration.fit_calibrators(chosen.method, scores, y[learn], classes)
        model = calibration.with_calibrators(model, chosen.method, made)
    said = model.predict_proba(x.iloc[test])
    for level in levels:
        made = conformal.conform_classes(y[learn], chosen.probabilities, marks, level)
        inside = conformal.in_sets(made, said)
        yield level, inside[np.arange(len(test)), y[test]], float(inside.sum(axis=1).mean())

cases = [
    ("diabetes", "ridge", {"alpha": 1.0}, of_numbers),
    ("uneven spread", "tree", {"max_depth": 5, "min_samples_leaf": 10}, of_numbers),
    ("breast cancer", "logistic", {"C": 1.0}, of_classes),
    ("three classes", "logistic", {"C": 1.0}, of_classes),
]
rows = []
with threadpool_limits(1):
    for title, name, settings, work in cases:
        x, y = data(title)
        x, found = framed(x)
        covered, sizes = {level: [] for level in levels}, {level: [] for level in levels}
        for seed in range(splits):
            order = np.random.default_rng(seed).permutation(len(y))
            learn, test = np.sort(order[: len(y) // 2]), np.sort(order[len(y) // 2 :])
            for level, inside, size in work(name, settings, x, y, found, learn, test, seed):
                covered[level].append(float(np.mean(inside)))
                sizes[level].append(size)
        for level in levels:
            rows.append({"data": title, "model": name, "level": level, "coverage": float(np.mean(covered[level])),
                         "spread": float(np.std(covered[level])), "size": float(np.mean(sizes[level]))})
print(json.dumps({"rows": rows}))
"""


def measured(splits: int) -> list[dict[str, Any]]:
    """One row for each set of data and level."""
    levels = ",".join(map(str, LEVELS))
    found: list[dict[str, Any]] = run_json([str(PYTHON), "-c", _CODE, str(splits), levels], PROJECT)["rows"]
    return found


def main() -> int:
    """Measure, then compare with the levels."""
    parser = argparse.ArgumentParser(prog="conformal.sh", description=__doc__)
    parser.add_argument("--splits", type=int, default=SPLITS, help=f"splits of each set of data (default {SPLITS})")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    rows = measured(options.splits)
    checks = [
        Check(
            f"{row['data']}: {row['level']:.0%} asked, within {WITHIN:.0%}",
            f"{row['coverage']:.1%} covered",
            abs(row["coverage"] - row["level"]) <= WITHIN,
        )
        for row in rows
    ]
    shown = [
        (row["data"], row["model"], f"{row['level']:.0%}", f"{row['coverage']:.1%}", f"{row['spread']:.1%}",
         f"{row['size']:.3g}")
        for row in rows
    ]  # fmt: skip
    head = ("data", "model", "level", "coverage, mean", "its spread over splits", "mean width or size")
    return finish("conformal.sh", [f"{options.splits} splits.", table(head, shown)], checks, publish=options.publish)


if __name__ == "__main__":
    run_main(main)
