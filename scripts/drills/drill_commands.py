"""Commands that a drill runs, and what becomes of those that fail."""

import os
import subprocess
import sys
from pathlib import Path

from drill_transcript import DrillError

ROOT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS = 900
Command = tuple[str | Path, ...]
Done = subprocess.CompletedProcess[str]


def run(*command: str | Path) -> str:
    """What a command answers; its words for people are passed on.

    Raises:
        DrillError: it failed; holds the end of what it said.
    """
    return required(command, execute(command))


def required(command: Command, done: Done) -> str:
    """What a command answered.

    Raises:
        DrillError: it failed; holds the end of what it said.
    """
    if done.returncode != 0:
        words = " ".join(Path(str(word)).name for word in command)
        raise DrillError(f"{words} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout.strip()


def execute(command: Command, folder: Path = ROOT, **variables: str) -> Done:
    """Run a command to its end."""
    # The checkout of an upgrade has no environment of its own.
    environment = os.environ | {"VENV": sys.prefix, **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
    )
