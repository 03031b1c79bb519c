"""Instances on the command line; the scripts in scripts/ call it, people call those."""

import sys

from commands import run

sys.exit(run(sys.argv[1:]))
