"""Real data that the libraries of this backend bring along, as CSV: nothing is copied into the repository."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from sklearn.datasets import load_iris, load_wine
from statsmodels.datasets import grunfeld, longley, macrodata, statecrime


def _iris() -> pd.DataFrame:
    found = load_iris(as_frame=True)
    frame: pd.DataFrame = found.frame.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
    return frame.assign(species=found.target_names[frame.pop("target")])


def _wine() -> pd.DataFrame:
    found = load_wine(as_frame=True)
    frame: pd.DataFrame = found.frame.drop(columns="od280/od315_of_diluted_wines")
    return frame.assign(cultivar=frame.pop("target") + 1)


def _loaded(module: Any) -> pd.DataFrame:
    frame: pd.DataFrame = module.load_pandas().data
    return frame


def _crime() -> pd.DataFrame:
    return _loaded(statecrime).rename_axis("state").reset_index()


def _macro() -> pd.DataFrame:
    return _loaded(macrodata).astype({"year": int, "quarter": int})


def _firms() -> pd.DataFrame:
    return _loaded(grunfeld).astype({"year": int})[["firm", "year", "invest", "value", "capital"]]


def _economy() -> pd.DataFrame:
    frame = _loaded(longley).rename(columns=str.lower)
    return frame.astype({"year": int})[["year", "gnp", "totemp", "unemp", "armed", "pop"]]


SHIPPED: dict[str, Callable[[], pd.DataFrame]] = {
    "iris": _iris,
    "wine": _wine,
    "crime": _crime,
    "macro": _macro,
    "firms": _firms,
    "economy": _economy,
}
