"""ydata-profiling on one CSV; run in the environment of requirements-ydata.txt, by its file's path alone.

    python ydata_profile.py FILE minimal|without_interactions|default

Prints one JSON object: seconds to read the file and to compute the description (for `default`: and to render the
report, which is what a user of it gets), import not counted.
"""

import json
import sys
import time
from typing import Any

import pandas as pd
from ydata_profiling import ProfileReport

MODES: dict[str, dict[str, Any]] = {
    "minimal": {"minimal": True},
    "without_interactions": {"interactions": {"continuous": False}},
    "default": {},
}


def main() -> None:
    """Read, describe, report."""
    path, mode = sys.argv[1:3]
    started = time.perf_counter()
    frame = pd.read_csv(path, parse_dates=["ordered_on", "paid_at"])
    report = ProfileReport(frame, progress_bar=False, **MODES[mode])
    if mode == "default":
        report.to_html()
    else:
        report.get_description()
    sys.stdout.write(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
