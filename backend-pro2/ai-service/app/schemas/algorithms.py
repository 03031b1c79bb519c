"""What `algorithm` of a training may be: families of models, in the order in which they are tried, and forecasters."""

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

from shared.schemas import ApiModel

from .algorithm_parameters import ORDERED, SOUGHT, AlgorithmParameter
from .models import ModelProblem
from .train_parameters import FORECASTERS, AlgorithmName


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A family of models or a forecaster, and the problems that it suits."""

    name: AlgorithmName | Literal["auto"]
    title: str
    description: str
    problems: tuple[ModelProblem, ...]

    @property
    def parameters(self) -> list[AlgorithmParameter]:
        """What is set in it: by the search, or of a forecast by the order."""
        return [*SOUGHT.get(self.name, ()), *(ORDERED if self.name in FORECASTERS or self.name == "auto" else ())]


_BOTH: tuple[ModelProblem, ...] = ("classification", "regression")
_SERIES: tuple[ModelProblem, ...] = ("forecast",)
ALGORITHMS = (
    Algorithm(
        "auto",
        "Search",
        "Compares all families that suit the problem, within the budget, and weighs several together (`ensemble`) if "
        "that is better on rows left out.",
        (*_BOTH, *_SERIES),
    ),
    Algorithm("linear", "Linear regression", "Ordinary least squares, without settings.", ("regression",)),
    Algorithm("ridge", "Ridge regression", "Linear, with a penalty on squared coefficients.", ("regression",)),
    Algorithm("lasso", "Lasso", "Linear, with a penalty that leaves features out.", ("regression",)),
    Algorithm("logistic", "Logistic regression", "Linear in the log-odds, penalised.", ("classification",)),
    Algorithm("tree", "Decision tree", "One tree: easy to read, rarely the best.", _BOTH),
    Algorithm("neighbours", "Nearest neighbours", "The most similar rows decide.", _BOTH),
    Algorithm("linear_svm", "Linear support vectors", "A margin in the features themselves.", _BOTH),
    Algorithm("rbf_svm", "Support vectors with a radial kernel", "Smooth and not linear, for few rows.", _BOTH),
    Algorithm(
        "boosting",
        "Gradient boosting",
        "Trees that correct each other, on binned values; of a forecast on lagged values.",
        (*_BOTH, *_SERIES),
    ),
    Algorithm("network", "Neural network", "One or two hidden layers, stopped early; for 2,000 rows or more.", _BOTH),
    Algorithm("extra_trees", "Extremely randomised trees", "A forest that splits at random thresholds.", _BOTH),
    Algorithm("forest", "Random forest", "Trees on resampled rows, averaged.", _BOTH),
    Algorithm("seasonal_naive", "Seasonal naive", "The last season again.", _SERIES),
    Algorithm("ets", "Exponential smoothing", "Level, trend and season, with additive errors.", _SERIES),
    Algorithm(
        "ets_multiplicative", "Multiplicative smoothing", "Errors and season in proportion to the level.", _SERIES
    ),
    Algorithm("arima", "ARIMA", "Of the series without its season.", _SERIES),
    Algorithm("sarima", "Seasonal ARIMA", "Of the series with its season.", _SERIES),
)


class AlgorithmModel(ApiModel):
    """A family of models or a forecaster; `parameters` are those that are set in it, by the search or the order."""

    name: str
    title: str
    description: str
    problems: list[ModelProblem]
    parameters: list[AlgorithmParameter]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "ridge",
                "title": "Ridge regression",
                "description": "Linear, with a penalty on squared coefficients.",
                "problems": ["regression"],
                "parameters": [{"name": "alpha", "set_by": "search", "low": 0.001, "high": 1000.0}],
            }
        }
    )


class Algorithms(ApiModel):
    """All algorithms."""

    items: list[AlgorithmModel]
