"""Processor time and memory of processes, as the kernel counts them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process and its descendants: seconds of user and system time, resident bytes (shared pages in each)."""

    cpu_seconds: float
    rss_bytes: int


def family(pid: int) -> list[psutil.Process]:
    """The process and its descendants; empty when it has ended."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def rss_of(process: psutil.Process) -> int:
    """Resident bytes of one process, 0 when it has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def cpu_of(process: psutil.Process) -> float:
    """Seconds of processor time of one process, 0 when it has ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def usage(pid: int) -> Usage:
    """What `pid` and its descendants have used so far."""
    members = family(pid)
    return Usage(sum(map(cpu_of, members)), sum(map(rss_of, members)))


def local_ports(pid: int) -> frozenset[int]:
    """Local ports of the open TCP connections of `pid` and its descendants: how servers see this client."""
    return frozenset(port for member in family(pid) for port in _ports(member.net_connections("tcp")))


def _ports(connections: Iterable[Any]) -> list[int]:
    return [int(connection.laddr.port) for connection in connections if connection.laddr and connection.raddr]
