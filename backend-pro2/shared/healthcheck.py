"""Whether a part of a container still works; for the container engine, so without a package and cheap.

    python -S -m shared.healthcheck http://127.0.0.1:8000/health    answers 200 within three seconds
    python -S -m shared.healthcheck /tmp/alive                      was touched within the last minute

Exit code 0 when it does, else 1 with a line that says why.
"""

import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

TIMEOUT_SECONDS = 3.0
SILENT_SECONDS = 60.0


def main(target: str) -> str:
    """What is wrong with `target`; nothing when it is well."""
    try:
        return _asked(target) if target.startswith("http://") else _touched(Path(target))
    except (OSError, HTTPException) as error:
        return f"{target}: {error or type(error).__name__}"


def _asked(url: str) -> str:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = HTTPConnection(host, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", f"/{path}")
        status = connection.getresponse().status
    finally:
        connection.close()
    return "" if status == 200 else f"{url} answers {status}"


def _touched(file: Path) -> str:
    silent = time.time() - file.stat().st_mtime
    return "" if silent < SILENT_SECONDS else f"{file} was touched {silent:.0f} s ago"


if __name__ == "__main__":
    if complaint := main(sys.argv[1]):
        sys.exit(complaint)
