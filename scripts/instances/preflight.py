"""Everything that can be known to be wrong before anything is started."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping

from console import Refusal
from environment import inherited
from instance import Instance
from ports import Need, holder, is_taken, needs
from programs import programs
from selection import Selection, select
from supervisor import Supervisor

LEFTOVER_SECONDS = 15

# Runs where the services run; prints what is wrong and never a value.
VALIDATION = """
import json
from pydantic import ValidationError
from shared.config import get_settings
try:
    get_settings()
except ValidationError as error:
    facts = error.errors(include_url=False, include_context=False, include_input=False)
    print(json.dumps([[str(fact["loc"][0]).upper() if fact["loc"] else "", fact["msg"]] for fact in facts]))
else:
    print("[]")
"""


def examine(instances: list[Instance], choices: dict[str, str]) -> dict[str, Selection]:
    """Check all instances, start none.

    Args:
        instances: what is to be started.
        choices: auto, system or wheels, by instance name.

    Returns:
        What will run each one's servers, by instance name.

    Raises:
        Refusal: lists everything that is wrong, each with what to change.
    """
    selections: dict[str, Selection] = {}
    faults: list[str] = []
    claimed: dict[int, str] = {}
    for instance in instances:
        try:
            selections[instance.name] = _examine(instance, choices[instance.name], claimed)
        except Refusal as refusal:
            faults += [f"{instance.name}: {line}" for line in str(refusal).splitlines()]
    if faults:
        raise Refusal("nothing was started:\n  " + "\n  ".join(faults))
    return selections


def _examine(instance: Instance, choice: str, claimed: dict[int, str]) -> Selection:
    own_run_directory(instance)
    if not instance.env_file.exists():
        raise Refusal(f"{instance.env_file} is missing: run ./scripts/setup.sh")
    if faults := settings_faults(instance):
        raise Refusal("\n".join(faults))
    selection = select(instance, choice)
    if faults := list(_port_faults(instance, selection, claimed)):
        raise Refusal("\n".join(faults))
    return selection


def own_run_directory(instance: Instance) -> None:
    """Refuse a run directory that another user made."""
    if instance.run.exists() and (instance.run.stat().st_uid != os.geteuid() or not os.access(instance.run, os.W_OK)):
        raise Refusal(
            f"{instance.run} was made by another user: start as that user, or remove it as that user with "
            f"./scripts/stop-dev.sh --project {instance.name} --purge"
        )


def settings_faults(instance: Instance, over: Mapping[str, str] | None = None) -> list[str]:
    """What the services would refuse in this .env, or in what stands over it: variable and reason, never the value."""
    done = subprocess.run(
        [sys.executable, "-c", VALIDATION],
        cwd=instance.code,
        env=inherited() | {"ENV_FILE": str(instance.env_file)} | dict(over or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return [f"the settings could not be read: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"]
    found: list[tuple[str, str]] = json.loads(done.stdout)
    return [f"{variable or 'settings'} in {instance.env_file}: {reason}" for variable, reason in found]


def _port_faults(instance: Instance, selection: Selection, claimed: dict[int, str]) -> list[str]:
    wanted = list(needs(instance, [program.name for program in programs(instance, selection)]))
    _wait_for_leftovers(instance, [need.port for need in wanted])
    running = {name for name, process in Supervisor(instance).processes().items() if process.pid}
    faults = []
    for need in wanted:
        other = claimed.setdefault(need.port, f"{instance.name} {need.program}")
        if other != f"{instance.name} {need.program}":
            faults.append(port_fault(need, f"also wanted by {other}", instance))
        elif need.program not in running and is_taken(need.port):
            faults.append(port_fault(need, f"taken by {holder(need.port)}", instance))
    return faults


def _wait_for_leftovers(instance: Instance, ports: list[int]) -> None:
    """After supervisord was killed, its programs take some seconds to end."""
    if not (instance.run / "up").exists() or Supervisor(instance).is_running:
        return
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while any(is_taken(port) for port in ports) and time.monotonic() < deadline:
        time.sleep(0.1)


def port_fault(need: Need, why: str, instance: Instance) -> str:
    """What to say of a port that cannot be had."""
    return f"port {need.port} of {need.program} is {why}: end that, or change {need.variable} in {instance.env_file}"
