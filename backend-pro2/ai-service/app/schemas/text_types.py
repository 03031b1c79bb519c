"""The catalogue's entry of texts."""

from .analysis_type import AnalysisType
from .text_parameters import TextParameters

TEXTS = (
    AnalysisType(
        "text",
        "Keywords, topics, sentiment and near duplicates of texts",
        "keywords by TF-IDF (Spärck Jones 1972), between groups by class-based TF-IDF (Grootendorst 2022); topics by "
        "non-negative factors (Lee and Seung 1999) or latent Dirichlet allocation (Blei, Ng and Jordan 2003); the "
        "texts most similar to one by the cosine of TF-IDF; near duplicates by the Jaccard similarity of runs of "
        "characters, candidates found by MinHash (Broder 1997); sentiment by the mean weight of the words of a list, "
        "the caller's or a short English one of ours, turned by negations (De Smedt and Daelemans 2012), which sees "
        "neither irony nor context and says what share of the words it has seen. Words are runs of letters and digits, "
        "so languages without spaces are not told into words. Topics describe; they depend on their number and the "
        "seed.",
        TextParameters,
        {"column": "review", "method": "topics", "k": 5},
        "medium",
    ),
)
