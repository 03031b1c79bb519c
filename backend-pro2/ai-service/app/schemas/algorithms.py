"""What `algorithm` of a training may be: the families of models, in the order in which they are tried."""

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

from shared.schemas import ApiModel

from .models import ModelProblem
from .train_parameters import AlgorithmName


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A family of models and the problems that it suits."""

    name: AlgorithmName | Literal["auto"]
    title: str
    description: str
    problems: tuple[ModelProblem, ...]


_BOTH: tuple[ModelProblem, ...] = ("classification", "regression")
ALGORITHMS = (
    Algorithm("auto", "Search", "Compares all families that suit the problem, within the budget.", _BOTH),
    Algorithm("linear", "Linear regression", "Ordinary least squares, without settings.", ("regression",)),
    Algorithm("ridge", "Ridge regression", "Linear, with a penalty on squared coefficients.", ("regression",)),
    Algorithm("lasso", "Lasso", "Linear, with a penalty that leaves features out.", ("regression",)),
    Algorithm("logistic", "Logistic regression", "Linear in the log-odds, penalised.", ("classification",)),
    Algorithm("tree", "Decision tree", "One tree: easy to read, rarely the best.", _BOTH),
    Algorithm("neighbours", "Nearest neighbours", "The most similar rows decide.", _BOTH),
    Algorithm("linear_svm", "Linear support vectors", "A margin in the features themselves.", _BOTH),
    Algorithm("rbf_svm", "Support vectors with a radial kernel", "Smooth and not linear, for few rows.", _BOTH),
    Algorithm("boosting", "Gradient boosting", "Trees that correct each other, on binned values.", _BOTH),
    Algorithm("extra_trees", "Extremely randomised trees", "A forest that splits at random thresholds.", _BOTH),
    Algorithm("forest", "Random forest", "Trees on resampled rows, averaged.", _BOTH),
)


class AlgorithmModel(ApiModel):
    """A family of models."""

    name: str
    title: str
    description: str
    problems: list[ModelProblem]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "ridge",
                "title": "Ridge regression",
                "description": "Linear, with a penalty on squared coefficients.",
                "problems": ["regression"],
            }
        }
    )


class Algorithms(ApiModel):
    """All families."""

    items: list[AlgorithmModel]
