"""Names of workers, and whose process is gone."""

import os
import subprocess
import sys

from shared.tasks.worker_name import _started, _started_portably, is_dead_sibling, worker_name


def test_a_name_tells_service_host_and_process() -> None:
    name = worker_name("data-service")
    assert name.startswith("data-service@")
    assert f":{os.getpid()}:" in name
    assert name == worker_name("data-service")


def test_we_are_not_dead() -> None:
    own = worker_name("s")
    assert not is_dead_sibling(own, own)


def test_a_number_given_to_another_process_is_a_death() -> None:
    own = worker_name("s")
    assert is_dead_sibling(own.rpartition(":")[0] + ":1", own)


def test_an_ended_process_is_dead_even_before_it_is_buried() -> None:
    own = worker_name("s")
    process = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    home = own.partition(":")[0]
    name = f"{home}:{process.pid}:{_started(process.pid)}"
    assert process.stdout is not None
    process.stdout.read()
    process.stdout.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead_sibling(name, own)
    process.wait()
    assert is_dead_sibling(name, own)


def test_other_hosts_and_services_are_not_ours_to_judge() -> None:
    own = worker_name("s")
    for name in ("s@elsewhere:999999:1", own.replace("s@", "t@"), "", "s", own.partition(":")[0] + ":x:1"):
        assert not is_dead_sibling(name, own)


def test_the_portable_way_agrees_about_death() -> None:
    assert _started_portably(os.getpid()) == _started_portably(os.getpid()) != ""
    assert _started_portably(2**22 + 1) == ""
