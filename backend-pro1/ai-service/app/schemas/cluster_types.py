"""The catalogue's entry of clustering."""

from .analysis_type import AnalysisType
from .cluster_parameters import ClusterParameters

CLUSTERS = (
    AnalysisType(
        "cluster",
        "Clusters of similar rows",
        "k-means (with k auto the number of clusters is searched on the Ray cluster), mixtures of normal distributions "
        "(number by BIC), hierarchical merging, or dense regions by DBSCAN (Ester and others 1996) and HDBSCAN "
        "(Campello and others 2013), on standardised columns. The mean silhouette (Rousseeuw 1987) says how well the "
        "clusters are apart, `stability` how well each is found again in bootstrap samples (Hennig 2007). Any method "
        "finds clusters where there are none. Labels of all rows are the artifact `labels.csv`, -1 for noise.",
        ClusterParameters,
        {"columns": ["recency", "frequency", "amount"], "k": "auto"},
        "high",
    ),
)
