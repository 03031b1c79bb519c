"""The one way a benchmark stops early: a sentence for the person who started it."""

import os
import signal
import sys
import traceback
from collections.abc import Callable


class BenchError(Exception):
    """Something is missing or went wrong; the text says what to do."""


def run_main(main: Callable[[], int]) -> None:
    """Run a benchmark and leave with its exit code; a `BenchError` becomes one line, and code 2 as any other error."""
    # Ended from outside, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Without it every start would compile the project's modules anew, and that is not what we measure.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        code = main()
    except BenchError as error:
        sys.stderr.write(f"benchmark: {error}\n")
        code = 2
    except KeyboardInterrupt:
        code = 130
    except Exception:  # noqa: BLE001  # the edge of the process: 1 says that a target was missed, and nothing else
        traceback.print_exc()
        code = 2
    raise SystemExit(code)
