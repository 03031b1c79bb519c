"""What the fork server does before it forks: it leaves no thread behind, and does what a first analysis has to do."""

import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2]
# In a process of its own, since this one has threads and has analysed already.
_SCRIPT = """
import importlib, json, os, sys
importlib.import_module("ai-service.app.engines.analysis")
before, loaded = len(os.listdir("/proc/self/task")), set(sys.modules)
importlib.import_module("ai-service.app.engines.warm")
after, warm = len(os.listdir("/proc/self/task")), set(sys.modules)
importlib.import_module("ai-service.app.engines.warm").rehearse()
print(json.dumps({"threads": [before, after], "late": [len(warm - loaded), len(set(sys.modules) - warm)]}))
"""


def test_the_rehearsal_starts_no_thread_and_loads_what_would_be_loaded_late() -> None:
    command = [sys.executable, "-c", _SCRIPT]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    found = json.loads(done.stdout)
    before, after = found["threads"]
    assert before == after
    by_rehearsal, afterwards = found["late"]
    assert by_rehearsal > 1
    assert afterwards == 0
