"""The catalogue's entry of association rules."""

from .analysis_type import AnalysisType
from .association_parameters import AssociationParameters

ASSOCIATION = (
    AnalysisType(
        "association",
        "Association rules",
        "Frequent sets of items by Apriori (Agrawal and Srikant, VLDB 1994), and rules with one item "
        "as the consequent, with support, confidence, lift (Brin and others, SIGMOD 1997) and leverage. Rules describe "
        "these transactions; among the many tried some are strong by chance, and none says what causes what.",
        AssociationParameters,
        {"columns": ["product"], "transaction": "order_id", "min_support": 0.01, "min_confidence": 0.3},
        "medium",
    ),
)
