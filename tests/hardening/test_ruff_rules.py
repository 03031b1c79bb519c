"""The rules of security that ruff has are switched on for our code, and what is excused from them is counted."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from .trees import ROOT, code, in_production, place

SERVICE, SCRIPT, TEST = "backend-pro1/shared/planted.py", "scripts/instances/planted.py", "tests/e2e/test_planted.py"
# A planted fault for each rule; the rest of ruff's letters are its business.
FAULTS = {
    "S101": "assert admitted",
    "S102": "exec(text)",
    "S104": "serve('0.0.0.0')",
    "S105": "password = 'correct horse'",
    "S110": "try:\n    work()\nexcept Exception:\n    pass",
    "S113": "import requests\nrequests.get(url)",
    "S202": "import tarfile\ntarfile.open(path).extractall(folder)",
    "S301": "import pickle\npickle.loads(data)",
    "S302": "import marshal\nmarshal.loads(data)",
    "S306": "import tempfile\ntempfile.mktemp()",
    "S307": "eval(text)",
    "S310": "import urllib.request\nurllib.request.urlopen(url)",
    "S311": "import random\ntoken = random.random()",
    "S314": "import xml.etree.ElementTree as tree\ntree.fromstring(text)",
    "S323": "import ssl\ncontext = ssl._create_unverified_context()",
    "S324": "import hashlib\nhashlib.md5(data)",
    "S501": "import requests\nrequests.get(url, timeout=3, verify=False)",
    "S506": "import yaml\nyaml.load(text, Loader=yaml.Loader)",
    "S602": "import subprocess\nsubprocess.run(line, shell=True)",
    "S605": "import os\nos.system(line)",
    "S608": "query = f'SELECT a FROM b WHERE c = {given}'",
    "S701": "import jinja2\njinja2.Environment()",
    "BLE001": "try:\n    work()\nexcept Exception:\n    give_up()",
}
# Scripts start programs, by their names: S603 and S607. Tests do so too, assert, and make up passwords.
UNASKED = {SERVICE: set[str](), SCRIPT: set[str](), TEST: {"S101", "S105"}}
# What is excused in services and scripts by rule and file, but for S608: test_code_rules.py counts that in its own way.
EXCUSED = {
    # The type checker cannot know it; each says why it holds.
    ("S101", "backend-pro1/ai-service/app/repositories/models.py"): 1,
    ("S101", "backend-pro1/ai-service/app/schemas/schedules.py"): 1,
    ("S101", "backend-pro1/api-gateway/app/repositories/invitations.py"): 1,
    ("S101", "backend-pro1/api-gateway/app/repositories/quotas.py"): 1,
    ("S101", "backend-pro1/api-gateway/app/repositories/webhooks.py"): 1,
    ("S101", "backend-pro1/api-gateway/app/services/mailer.py"): 1,
    ("S101", "backend-pro1/data-service/app/services/quality.py"): 1,
    ("S101", "backend-pro1/shared/object_store/store.py"): 1,
    ("S101", "backend-pro1/shared/problems.py"): 3,
    ("S101", "backend-pro1/shared/tasks/repository.py"): 1,
    ("S101", "scripts/instances/postgres_tools.py"): 1,
    # Inside containers, whose published address is another matter; and comparisons with it.
    ("S104", "scripts/instances/containers.py"): 1,
    ("S104", "scripts/instances/instance.py"): 1,
    # Of people in instances that live as long as a drill, and the chance that makes their data.
    ("S105", "scripts/drills/drill_person.py"): 1,
    ("S311", "scripts/drills/drill_filling.py"): 1,
    ("S311", "scripts/drills/drill_work.py"): 1,
    # Names of kinds of credentials, no credentials.
    ("S105", "backend-pro1/api-gateway/app/create_admin.py"): 1,
    ("S105", "backend-pro1/api-gateway/app/schemas/auth.py"): 1,
    ("S105", "backend-pro1/api-gateway/app/schemas/webhooks.py"): 1,
    ("S105", "backend-pro1/shared/metrics/auth.py"): 3,
    ("S105", "scripts/instances/kube_secrets.py"): 1,
    # Paths that Kubernetes' manifests name, and a socket's folder whose path must be short.
    ("S108", "scripts/instances/kube_lifecycle.py"): 1,
    ("S108", "scripts/instances/layout.py"): 1,
    # A signed URL of our own store, whose scheme was looked at.
    ("S310", "backend-pro1/ai-service/app/engines/data_files.py"): 1,
    # Jitter.
    ("S311", "backend-pro1/ai-service/app/services/llm_calls.py"): 1,
    ("S311", "backend-pro1/api-gateway/app/core/webhook_messages.py"): 1,
    ("S311", "backend-pro1/api-gateway/app/services/housekeeping.py"): 1,
    # The fork server of computing children: our interpreter and our module.
    ("S603", "backend-pro1/shared/compute/pool.py"): 1,
    # A command becomes psql or docker, in the terminal of whoever called it.
    ("S606", "scripts/instances/by_mode.py"): 2,
}
EXCUSE = re.compile(r"#\s*noqa:\s*([A-Z0-9, ]+)")


def seen(text: str, path: str) -> set[str]:
    """What ruff, as configured for a file at this path, has to say."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    command = [ruff, "check", "--no-cache", "--quiet", "--output-format", "json", "--stdin-filename", path, "-"]
    done = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    return {fault["code"] for fault in json.loads(done.stdout)}


@pytest.mark.parametrize("path", UNASKED)
def test_each_rule_is_asked_for(path: str) -> None:
    found = seen("\n".join(text.replace("token =", "token_ =") for text in FAULTS.values()) + "\n", path)
    assert set(FAULTS) - found == UNASKED[path]


def excuses(path: Path) -> list[str]:
    found = EXCUSE.findall(path.read_text())
    return [rule for listed in found for rule in re.findall(r"[A-Z]+\d+", listed)]


def test_what_is_excused_was_decided() -> None:
    paths = [path for path in code() if in_production(path)]
    found = Counter((rule, place(path)) for path in paths for rule in excuses(path) if re.match(r"S\d", rule))
    assert {key: times for key, times in found.items() if key[0] != "S608"} == EXCUSED, "decide it, and say why"


def test_no_file_is_excused_as_a_whole() -> None:
    # One that names rules of another kind, such as DTZ001 of moments without a zone, excuses nothing of this.
    whole = re.compile(r"#\s*(ruff|flake8):\s*noqa(?!: (RUF|DTZ)\d)|#\s*noqa(?!:)|#\s*nosec")
    this = Path(__file__).resolve()
    assert [place(path) for path in code() if path != this and whole.search(path.read_text())] == []
