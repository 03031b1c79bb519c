"""Parameters of clustering."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator
from typing_extensions import override

from .columns import NUMERIC, ColumnUse
from .parameters import ColumnName, Parameters, is_changed, refuse_repeats

ClusterMethod = Literal["kmeans", "gmm", "hierarchical", "dbscan", "hdbscan"]
DENSITY = frozenset({"dbscan", "hdbscan"})
_OWN = {
    "linkage": frozenset({"hierarchical"}),
    "eps": frozenset({"dbscan"}),
    "min_samples": DENSITY,
    "min_size": frozenset({"hdbscan"}),
}


class ClusterParameters(Parameters):
    """Groups of similar rows."""

    method: ClusterMethod = Field(
        "kmeans",
        description="kmeans: k-means with k-means++ starts; gmm: mixture of normal distributions of any shape; "
        "hierarchical: merged step by step; dbscan, hdbscan: dense regions, with rows between them left over as noise.",
    )
    columns: list[ColumnName] = Field(min_length=1, max_length=100, description="Numeric columns that tell rows apart.")
    k: Annotated[int, Field(ge=2, le=100)] | Literal["auto"] = Field(
        "auto",
        description="Number of clusters; auto: the one from 2 to 10 with the largest mean silhouette, for gmm the one "
        "from 1 to 10 with the least BIC. dbscan and hdbscan find it themselves.",
    )
    standardise: StrictBool = Field(
        True, description="Whether to scale each column to mean 0 and variance 1 first, so that units do not matter."
    )
    linkage: Literal["ward", "average", "complete", "single"] = Field(
        "ward", description="Of hierarchical: what the distance of two clusters is."
    )
    eps: float | None = Field(
        None,
        gt=0,
        le=1e70,
        description="Of dbscan: how far neighbours may be apart, in standard deviations where columns are "
        "standardised; when absent, the quantile (0.8 to 1) of the distances to the neighbour of number `min_samples` "
        "with the largest mean silhouette, noise counted as 0.",
    )
    min_samples: int = Field(
        5, ge=2, le=1000, description="Of dbscan and hdbscan: rows within reach, itself included, that make one dense."
    )
    min_size: int = Field(5, ge=2, le=100_000, description="Of hdbscan: the fewest rows that make a cluster.")
    stability: StrictBool = Field(
        False, description="Whether to cluster 20 bootstrap samples too, and tell how well each cluster is found again."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        refuse_repeats("columns", self.columns)
        return self

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        if self.method in DENSITY and self.k != "auto":
            raise ValueError(f"{self.method} finds the number of clusters itself; leave k out")
        for name, methods in _OWN.items():
            if is_changed(self, name) and self.method not in methods:
                raise ValueError(f"{self.method} takes no {name}")
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        return [ColumnUse(name, "columns", NUMERIC) for name in self.columns]

    @override
    def fans_out(self) -> bool:
        return self.method == "kmeans" and self.k == "auto"
