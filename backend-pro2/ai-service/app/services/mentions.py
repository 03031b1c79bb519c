"""Whether a text names a column that must not be known of."""

import re
from collections.abc import Collection


def mentions(names: Collection[str], *texts: str | None) -> bool:
    """Whether one of the texts has one of the names as a word, in whatever case."""
    if not names:
        return False
    words = "|".join(re.escape(name) for name in names)
    pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
    return any(text is not None and pattern.search(text) for text in texts)
