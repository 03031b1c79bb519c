"""Parts of the registry of models that need no server: signatures, comparisons, cards, names, the catalogue."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from pydantic import SecretStr, ValidationError

from shared.config import Settings
from shared.errors import APIException, Conflict
from shared.ids import new_id

from ..app.engines.forecast_methods import METHODS
from ..app.engines.training.families import BASELINE, ENSEMBLE, FAMILIES, Range
from ..app.engines.training.scores import LOWER_IS_BETTER
from ..app.repositories.model_versions import ModelVersion
from ..app.repositories.models import NamedModel
from ..app.repositories.served_models import ServedModel
from ..app.schemas.algorithms import ALGORITHMS, Algorithm
from ..app.schemas.model_comparisons import SMALLER_IS_BETTER, Chosen, read_ids
from ..app.schemas.train_parameters import CLASSIFICATION_METRICS, FORECASTERS, REGRESSION_METRICS, TrainParameters
from ..app.schemas.trainings import Promotion, TrainRequest
from ..app.services.model_cards import card_of, markdown_of
from ..app.services.model_comparisons import compare_models
from ..app.services.model_keeping import judged
from ..app.services.model_signatures import ModelNotGenuine, ModelSigner
from ..app.services.trainings import made_name, problem_of, require_same
from .training_bench import told

NAMED = NamedModel(new_id(), "m", "regression", "y", 3)


def settings(key: str, *previous: str) -> Settings:
    secrets = tuple(SecretStr(one * 40) for one in previous)
    return Settings.model_validate({"secret_key": key * 40, "secret_keys_previous": secrets})


def version(**more: Any) -> ModelVersion:
    made = told()
    return ModelVersion(
        model_id=new_id(), version=2, project_id=new_id(), name="m", problem="regression", target="y", task_id=None,
        dataset_id=new_id(), dataset_version=1, dataset_sha256="a", algorithm="ridge", metric="r2", score=0.5,
        ci_low=0.4, ci_high=0.6, row_count=10, features=["x"], metrics=made["metrics"], key="k", bytes=1, sha256="5f",
        signature=b"", created_by=None, created_at=datetime.now(UTC), aliases=[], details=made, **more,
    )  # fmt: skip


def signed(key: str) -> ModelVersion:
    found = version()
    what = (found.project_id, found.model_id, found.version, found.sha256)
    return replace(found, signature=ModelSigner(settings(key)).sign(*what))


def test_a_signature_holds_for_what_was_signed_and_for_retired_keys() -> None:
    found = signed("a")
    ModelSigner(settings("a")).require_genuine(found)
    ModelSigner(settings("b", "a")).require_genuine(found)
    with pytest.raises(ModelNotGenuine, match="SECRET_KEYS_PREVIOUS"):
        ModelSigner(settings("b")).require_genuine(found)


def test_what_a_retired_key_has_signed_is_signed_anew() -> None:
    found = signed("a")
    served = ServedModel(found.project_id, "m", found.model_id, found.version, "k", found.sha256, found.signature)
    assert ModelSigner(settings("a", "b")).renewed(served) is None
    renewed = ModelSigner(settings("b", "a")).renewed(served)
    assert renewed is not None
    ModelSigner(settings("b")).require_genuine(replace(served, signature=renewed))
    with pytest.raises(ModelNotGenuine):
        ModelSigner(settings("c")).renewed(served)


@pytest.mark.parametrize("change", [{"project_id": new_id()}, {"model_id": new_id()}, {"version": 3}, {"sha256": "60"}])
def test_a_signature_binds_each_part(change: dict[str, Any]) -> None:
    with pytest.raises(ModelNotGenuine):
        ModelSigner(settings("a")).require_genuine(replace(signed("a"), **change))


def with_metrics(**metrics: Any) -> ModelVersion:
    return replace(
        version(),
        metrics={name: dict(zip(("value", "ci_low", "ci_high"), v, strict=False)) for name, v in metrics.items()},
    )


def test_a_comparison_names_the_best_and_says_when_it_may_be_chance() -> None:
    found = compare_models([with_metrics(r2=(0.5, 0.4, 0.6), log_loss=(0.2,)), with_metrics(r2=(0.55, 0.45, 0.7))])
    by_name = {metric.name: metric for metric in found.metrics}
    assert (by_name["r2"].best, by_name["r2"].is_clear, by_name["log_loss"].best) == (1, False, None)
    assert by_name["log_loss"].values[1] is None
    assert len(found.notes) == 1
    lower = compare_models([with_metrics(log_loss=(0.2, 0.1, 0.3)), with_metrics(log_loss=(0.6, 0.5, 0.7))])
    assert (lower.metrics[0].best, lower.metrics[0].is_clear, lower.metrics[0].better) == (0, True, "smaller")


def test_other_data_is_said() -> None:
    found = compare_models([version(), replace(version(), dataset_sha256="b")])
    assert not found.same_data
    assert "different data" in found.notes[0]


def test_ids_of_a_comparison() -> None:
    one, two = new_id(), new_id()
    assert read_ids([f"{one}@3, {two}@best", str(one)]) == [Chosen(one, 3), Chosen(two, alias="best"), Chosen(one)]
    for wrong in ([str(one)], ["x,y"], [""]):
        with pytest.raises(APIException):
            read_ids(wrong)


def test_the_directions_and_families_are_those_of_the_engine() -> None:
    known = CLASSIFICATION_METRICS | REGRESSION_METRICS
    assert known & SMALLER_IS_BETTER == known & LOWER_IS_BETTER
    suits = {name: set(family.made_for) for name, family in FAMILIES.items() if name not in (BASELINE, ENSEMBLE)}
    for name in METHODS:
        suits.setdefault(name, set()).add("forecast")
    assert {one.name: set(one.problems) for one in ALGORITHMS if one.name != "auto"} == suits
    assert METHODS.keys() == FORECASTERS


@pytest.mark.parametrize("one", ALGORITHMS, ids=lambda one: one.name)
def test_the_parameters_listed_are_those_that_the_search_sets(one: Algorithm) -> None:
    space = FAMILIES[one.name].space if one.name in FAMILIES else {}
    said = {name: values if isinstance(values, Range) else list(values) for name, values in space.items()}
    sought = [parameter for parameter in one.parameters if parameter.set_by == "search"]
    assert {parameter.name: parameter.values for parameter in sought if parameter.values} == {
        name: values for name, values in said.items() if not isinstance(values, Range)
    }
    assert {parameter.name: (parameter.low, parameter.high) for parameter in sought if not parameter.values} == {
        name: (values.low, values.high) for name, values in said.items() if isinstance(values, Range)
    }
    ordered = [parameter.name for parameter in one.parameters if parameter.set_by == "order"]
    assert ordered == (["time", "horizon", "season", "level"] if "forecast" in one.problems else [])
    for parameter in one.parameters:
        if parameter.set_by == "order":
            told = TrainParameters.model_fields[parameter.name].metadata
            limits = {type(bound).__name__: getattr(bound, type(bound).__name__.lower()) for bound in told}
            assert (limits.get("Ge"), limits.get("Le")) == (parameter.low, parameter.high)


@pytest.mark.parametrize(
    ("before", "value", "moved", "said"),
    [
        (None, 0.5, True, "no champion"),
        (("r2", 0.4, "a"), 0.5, True, "the same data"),
        (("r2", 0.5, "a"), 0.5, False, "against"),
        (("r2", 0.4, "b"), 0.5, True, "other data"),
        (("mae", 0.4, "a"), 0.5, False, "cannot be compared"),
        (("r2", None, "a"), 0.5, False, "cannot be compared"),
    ],
)
def test_only_what_is_better_is_promoted(before: Any, value: float, moved: bool, said: str) -> None:
    champion = (
        None if before is None else replace(version(), metric=before[0], score=before[1], dataset_sha256=before[2])
    )
    found, reason = judged(champion, "r2", value, "a")
    assert (found, said in reason) == (moved, True)


def test_smaller_errors_are_better() -> None:
    champion = replace(version(), metric="log_loss", score=0.4)
    assert judged(champion, "log_loss", 0.3, "a")[0]
    assert not judged(champion, "log_loss", 0.5, "a")[0]


def test_a_card_in_markdown() -> None:
    text = markdown_of(card_of(_model(), version()))
    assert text.startswith("# a \\| b\\#, version 2\n")
    assert "| r2 | 0.5 | 0.4 | 0.6 | 0 |" in text
    assert "| x\\|y | \\<b\\> | 5 |" in text
    assert text.endswith("## Limits\n\n- None that is known.\n")


def _model() -> Any:
    from ..app.repositories.models import Model

    now = datetime.now(UTC)
    return Model(
        id=new_id(), project_id=new_id(), name="a | b#", description="", tags=[], notes="n\n# x", problem="regression",
        target="y", created_by=None, created_at=now, updated_at=now, version=2, dataset_id=new_id(), dataset_version=1,
        algorithm="ridge", metric="r2", score=0.5, ci_low=None, ci_high=None, features=[], metrics={}, task_id=None,
        trained_at=now, newest_version=2, aliases={},
    )  # fmt: skip


def test_names_and_problems_of_further_versions() -> None:
    assert made_name("price", "flats") == "price of flats"
    assert made_name("y" * 200, "d\n e") == "y" * 120
    require_same(NAMED, "y", "auto")
    for target, problem in (("z", "auto"), ("y", "classification")):
        with pytest.raises(Conflict) as refusal:
            require_same(NAMED, target, problem)
        assert refusal.value.code == "model_mismatch"
    with pytest.raises(Conflict, match="10000"):
        require_same(replace(NAMED, last_version=10_000), "y", "auto")
    assert problem_of(NAMED, TrainParameters(target="y")) == "regression"
    assert problem_of(None, TrainParameters(target="y")) == "auto"


def test_an_order_tells_the_engine_only_what_it_takes() -> None:
    order = TrainRequest.model_validate(
        {"project_id": new_id(), "dataset_id": new_id(), "target": "y", "name": " n ", "promote": "better", "folds": 4}
    )
    assert (order.name, order.parameters().folds) == ("n", 4)
    assert set(order.parameters().model_dump()) == set(TrainParameters.model_fields)
    assert set(get_args(Promotion)) == {"never", "better", "always"}
    for wrong in ({"promote": "maybe"}, {"name": ""}, {"seed": -1}, {"tags": ["x"] * 21}):
        with pytest.raises(ValidationError):
            TrainRequest.model_validate({**order.model_dump(exclude_none=True), **wrong})
