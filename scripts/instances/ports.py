"""Ports: which ones an instance needs, whether they are free, and who holds those that are not."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from instance import METRICS_VARIABLES, PORT_VARIABLES, URL_VARIABLES, Instance


@dataclass(frozen=True)
class Need:
    """A port that a program will listen on, and the variable that says so."""

    program: str
    port: int
    variable: str


def needs(instance: Instance, programs: list[str]) -> Iterator[Need]:
    """The ports of these programs, as the .env has them."""
    for program in programs:
        if program in PORT_VARIABLES or program in URL_VARIABLES:
            variable = PORT_VARIABLES.get(program) or URL_VARIABLES[program]
            yield Need(program, instance.address(program).port, variable)
        if program in METRICS_VARIABLES and (port := instance.metrics_port(program)):
            yield Need(program, port, METRICS_VARIABLES[program])
        if program == "flower":
            yield Need(program, instance.address(program).port, "API_GATEWAY_PORT")
        if program == "ray":
            base = instance.address("ray").port
            yield from (Need("ray", port, "RAY_ADDRESS") for port in range(base, base + 9))


def is_taken(port: int) -> bool:
    """Whether somebody listens on the port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Without this a port whose last connection ended a moment ago would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def holder(port: int) -> str:
    """Name and process id of who listens on the port, as far as we may see."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return "another process"
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr[1] == port:
            return _describe(connection.pid)
    return "another process"


def _describe(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.Error:
        return f"process {pid}"
