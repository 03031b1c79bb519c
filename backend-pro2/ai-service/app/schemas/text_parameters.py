"""Parameters of the analysis of a column of texts."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from typing_extensions import override

from .columns import NUMERIC_OR_TEXT, ColumnUse
from .parameters import ColumnName, Parameters, is_changed, refuse_repeats

TEXT = frozenset({"string"})
_OWN = {
    "group": "keywords",
    "k": "topics",
    "algorithm": "topics",
    "query": "similarity",
    "threshold": "duplicates",
    "shingle": "duplicates",
    "lexicon": "sentiment",
    "negations": "sentiment",
}
LEXICON_AT_MOST = 20_000
# Letters and digits, with apostrophes and hyphens inside.
WORD = "[^\\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}-][^\\W_]+)*"
Word = Annotated[str, StringConstraints(max_length=100, pattern=f"^{WORD}$")]
Weight = Annotated[float, Field(ge=-1000, le=1000)]


def normal_word(word: str) -> str:
    """As words are compared: in lower case, with a plain apostrophe."""
    return word.casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


class TextParameters(Parameters):
    """What texts are about, and which of them are alike."""

    column: ColumnName = Field(description="The column of texts.")
    method: Literal["keywords", "topics", "similarity", "duplicates", "sentiment"] = Field(
        "keywords",
        description="keywords: terms that matter most, in all or by group; topics: terms that occur together; "
        "similarity: the texts nearest to `query`; duplicates: pairs that share most of their characters; sentiment: "
        "their tone by the weights of words.",
    )
    group: ColumnName | None = Field(None, description="Of keywords: the column whose groups are told apart.")
    n: int = Field(
        10,
        ge=1,
        le=100,
        description="How many terms to list for each group or topic, similar texts, or texts of either tone.",
    )
    stop_words: Literal["english", "none"] = Field(
        "english", description="Whether to leave out the commonest English words; none for other languages."
    )
    ngrams: int = Field(1, ge=1, le=3, description="The most words that make one term.")
    k: int = Field(5, ge=2, le=50, description="Of topics: how many.")
    algorithm: Literal["nmf", "lda"] = Field(
        "nmf",
        description="Of topics. nmf: non-negative factors of TF-IDF; lda: latent Dirichlet allocation of counts.",
    )
    query: str | None = Field(None, min_length=1, max_length=10_000, description="Of similarity: the text to look for.")
    threshold: float = Field(
        0.8, ge=0.3, le=1, description="Of duplicates: the share of distinct runs of characters that two texts share."
    )
    shingle: int = Field(8, ge=3, le=16, description="Of duplicates: characters (bytes) in a run.")

    lexicon: dict[Word, Weight] | None = Field(
        None,
        min_length=1,
        max_length=LEXICON_AT_MOST,
        description="Of sentiment: single words with weights, above zero for good ones, in all forms that count; when "
        "absent some 340 English words of -2 to 2 that praise or blame whatever the matter.",
    )
    negations: list[Word] | None = Field(
        None,
        max_length=200,
        description="Of sentiment: words that turn the tone of three words behind them; English ones when absent.",
    )

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        refuse_repeats("the analysis", [use.name for use in self.uses()])
        for name, method in _OWN.items():
            if is_changed(self, name) and self.method != method:
                raise ValueError(f"{self.method} takes no {name}")
        if self.method == "similarity" and self.query is None:
            raise ValueError("similarity needs query, the text to look for")
        if self.lexicon is not None and len({*map(normal_word, self.lexicon)}) < len(self.lexicon):
            raise ValueError("lexicon has a word twice, since upper and lower case make no difference")
        return self

    @override
    def uses(self) -> Sequence[ColumnUse]:
        group = [] if self.group is None else [ColumnUse(self.group, "group", NUMERIC_OR_TEXT)]
        return [ColumnUse(self.column, "column", TEXT), *group]
