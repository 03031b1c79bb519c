"""Ways of lying with numbers: each ends struck, or really is what the results say."""

import re
from collections.abc import Iterable

import pytest

from ..app.engines.grounding import GroundTable, ground
from ..app.engines.grounding.spelled import is_number_word
from .grounding_tables import TABLES

# In the tables CH has 42 units, DE 10, Store 12 has 7; the share of CH is 0.42; all together are 59.
LIES = {
    "invented": "CH sold 43 units.",
    "off by more than a hundredth": "CH had a revenue of 1.6 million.",
    "rounded too far": "CH had a revenue of 2 million.",
    "of another row": "DE sold 42 units.",
    "of another row, the row named behind": "42 units were sold in DE.",
    "two rows swapped": "CH sold 10 and DE sold 42.",
    "two rows swapped behind their numbers": "10 units in CH, 42 units in DE.",
    "swapped, respectively": "CH and DE sold 10 and 42 respectively.",
    "of another month": "In January 2024 there were 135 orders.",
    "of a day that is not there": "On 5 January 2023 there were 120 orders.",
    "the total of all for one": "DE sold 59 units.",
    "the sign changed": "CH changed by 5.",
    "the sign added": "CH sold -42 units.",
    "a minus in words": "CH sold minus forty-two units.",
    "a percentage of a count": "CH sold 42% more, of 59% in all; DE has 10%.",
    "a count as a percentage": "CH sold 4200% of that.",
    "a share as a count": "The share of Store 12 is 1.5.",
    "a percent sign lost": "The share of CH is 0.42%.",
    "per mille for percent": "The share of CH is 42‰.",
    "basis points": "The share of CH is 42 basis points.",
    "a magnitude in letters": "CH sold 42k units.",
    "a capital magnitude": "CH sold 42M units.",
    "a magnitude behind a space": "CH sold 42 bn units.",
    "a magnitude in words": "CH sold 42 million units.",
    "a magnitude behind a hyphen": "CH made a 42-million sale.",
    "hundreds": "CH sold 42 hundred units.",
    "dozens": "CH sold 42 dozen units.",
    "a grand": "CH sold 42 grand.",
    "lakhs": "CH sold 42 lakh units.",
    "an exponent": "CH sold 42e3 units.",
    "a power of ten": "CH sold 42×10^3 units.",
    "a power in superscript": "CH sold 42·10⁶ units.",
    "a power of its own": "CH sold 10⁶ units.",
    "a square": "CH sold 42² units.",
    "thousands separators": "CH sold 42,000 units.",
    "thousands behind spaces": "CH sold 42 000 units.",
    "thousands behind apostrophes": "CH sold 42'000 units.",
    "Indian thousands": "CH sold 4,20,000 units.",
    "a decimal comma": "CH sold 4,2 units.",
    "number words": "CH sold forty-three units.",
    "number words in one": "CH sold fortythree units.",
    "misspelt number words": "CH sold fourty three units.",
    "hundreds in words": "CH sold four hundred and twenty units.",
    "a word with a point": "CH sold four point two units.",
    "German words": "CH verkaufte dreiundvierzig Stück.",
    "French words": "CH a vendu quarante-trois pièces.",
    "Spanish words": "CH vendió cuarenta y tres piezas.",
    "a dozen": "CH sold a dozen units.",
    "a hundred": "CH sold a hundred units.",
    "half": "Half of the units are from DE.",
    "a third": "A third of the units are from DE.",
    "a fraction": "3/4 of the units are from DE.",
    "a sign for a fraction": "½ of the units are from DE.",
    "one in so many": "One in five units is from CH.",
    "twice": "CH sold twice as many units as before.",
    "a multiple": "CH sold 42x more units.",
    "tenfold": "CH grew tenfold.",
    "a rank": "DE came 1st.",
    "a rank in words": "DE came first.",
    "a roman numeral": "CH sold XLIII units.",
    "a roman numeral by one letter": "CH sold L units.",
    "signs for roman numerals": "CH sold ⅩⅬⅢ units.",
    "Arabic digits": "CH sold ٤٣ units.",
    "Devanagari digits": "CH sold ४३ units.",
    "full-width digits": "CH sold ４３ units.",
    "mathematical digits": "CH sold 𝟒𝟑 units.",
    "circled digits": "CH sold ④③ units.",
    "Chinese numerals": "CH 售出四十三件。",
    "a Chinese magnitude": "CH 售出42万件。",
    "keycaps": "CH sold 4️⃣3️⃣ units.",
    "an emoji": "CH sold 💯 units, DE 🔟.",
    "dice": "CH sold ⚃⚂ units.",
    "an entity": "CH sold &#52;&#51; units.",
    "an entity in hexadecimal": "CH sold &#x34;&#x33; units.",
    "an entity of an entity": "CH sold &amp;#52;&amp;#51; units.",
    "markup between digits": "CH sold 4<b>3</b> units.",
    "markup in markup": "CH sold 4<<i>b>3</b> units.",
    "emphasis between digits": "CH sold 4**3** units.",
    "emphasis that hides a digit": "CH sold 42**0** units.",
    "a space without width": "CH sold 4\u200b3 units.",
    "a soft hyphen": "CH sold 4\u00ad3 units.",
    "a joiner behind": "CH sold 42\u20600 units.",
    "writing turned round": "CH sold \u202e24\u202c3 units.",
    "digits struck through": "CH sold 4\u03363\u0336 units.",
    "letters that look like digits": "CH sold 4O2 units.",
    "a letter for a nought behind": "CH sold 42O units.",
    "letters alone": "CH sold lOO units.",
    "Cyrillic letters": "CH sold fоrty-three units.",
    "letters with digits": "CH sold f0rty units.",
    "letters apart": "CH sold f o r t y units.",
    "hexadecimal": "CH sold 0x2A units.",
    "glued to letters": "CH sold a42b units.",
    "a middle dot": "CH sold 4·2 units.",
    "a digit before a reference": "CH sold 4{{t1[0].units}} units.",
    "a digit behind a reference": "CH sold {{t1[0].units}}0 units.",
    "a magnitude behind a reference": "CH sold {{t1[0].units}} million units.",
    "a percent sign behind a reference": "Store 12 sold {{t1[2].units}}% of all.",
    "a minus before a reference": "CH sold -{{t1[0].units}} units.",
    "a reference to another row": "CH sold {{t1[1].units}} units.",
    "a reference to no row": "CH sold {{t1[99].units}} units.",
    "a reference to no column": "CH sold {{t1[0].profit}} units.",
    "a reference to no table": "CH sold {{t9[0].units}} units.",
    "a reference that computes": "CH sold {{t1[0].units*1000}} units.",
    "a reference in a reference": "CH sold {{t1[{{t1[0].units}}].units}}43 units.",
    "a number in a list": "1. CH: 43\n2. DE: 11\n",
    "a number as a marker": "CH sold\n43. units\n",
    "a number in a heading": "## 43 units\n",
    "a number in a table": "| CH | 43 |\n",
    "a number in code": "`43` units in CH",
    "a number in a link": "[43 units](https://example.org/42) in CH",
    "a number in a target": "[units](https://example.org/43)",
    "a number in a picture": "![43 units](https://example.org/42.png) in CH",
    "a year for a number": "CH sold 2024 units.",
    "a year with a preposition": "CH went from 2024 units up.",
    "a clock": "At 12:43 it was over.",
    "a range": "CH sold 43-44 units.",
    "a quotient": "CH to DE is 43:11.",
    "a version": "CH sold 4.3.1 units.",
    "money": "CH sold for $43.",
    "a unit": "CH sold 43kg.",
    "about": "CH sold about 50 units.",
    "more than": "CH sold more than 100 units.",
    "nearly": "DE sold nearly 5 units.",
    "the query's own number": "There are 999 customers.",
    "the query's own text": "There are 999 million customers, says 5 out of 5 stars.",
    "from the question": "You said 1234567 units.",
    "a row count": "All 3 countries sold.",
    "glued to a name": "CH sold t12 units, and p95_20245.",
    "an empty cell": "Store 12 has 0 nothing.",
}


# Nothing of these is shown as a number, so nothing needs a mark.
UNSHOWN = frozenset({"a number as a marker", "a number in a target"})


def leftovers(answer: str, proven: Iterable[str]) -> list[str]:
    """What of an answer still looks like a number, its proven ones and the marks apart."""
    rest = answer.replace("[unverified]", " ")
    rest = re.sub(r"\bt1\b", " ", rest)
    for text in sorted(proven, key=len, reverse=True):
        rest = rest.replace(text, " ", 1)
    words = [word.strip(".,;:!?()[]*`#|-'\"") for word in rest.split()]
    return [word for word in words if is_number_word(word) or any(letter.isnumeric() for letter in word)]


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_marked(name: str) -> None:
    found = ground(LIES[name], TABLES)
    assert ("[unverified]" in found.answer) == (found.struck > 0) == (name not in UNSHOWN), found
    assert leftovers(found.answer, [claim.text for claim in found.claims if claim.status == "grounded"]) == []


def test_there_are_more_than_fifty() -> None:
    assert len(set(LIES.values())) == len(LIES) > 100


def test_numbers_that_the_query_brought_in_prove_nothing() -> None:
    made: GroundTable = {
        "name": "t1",
        "columns": ["country", "n"],
        "rows": [["the 5 stars of 999", 999], ["CH", 7]],
        "literals": ["999", "the 5 stars of 999"],
        "plain": [False, False],
    }
    assert ground("There are 999, and 7 in CH.", [made]).answer == "There are [unverified], and 7 in CH."
    assert ground("See the 5 stars of 999.", [made]).answer == "See the [unverified] stars of [unverified]."
    assert ground("There are 999.", [{**made, "plain": [True, True]}]).answer == "There are 999."


def test_what_the_query_names_its_columns_proves_nothing() -> None:
    made: GroundTable = {"name": "t1", "columns": ["42 million users"], "rows": [[7]]}
    assert ground("We have 42 million users.", [made]).answer == "We have [unverified] users."


def test_without_results_no_number_stands() -> None:
    assert ground("It is 5, or five, or 5%.", []).answer == "It is [unverified], or [unverified], or [unverified]."
