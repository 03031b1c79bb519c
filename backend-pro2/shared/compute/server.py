"""The fork server of a compute pool: holds the libraries, forks a child per job, kills it on request, buries it.

Own code instead of multiprocessing's forkserver because that one (Python 3.11) outlives a killed parent for as long
as a child computes, inherits every secret of the parent's environment, has one set of preloaded modules per process,
re-imports the console script that started the parent, and answers by pickle.

Started as `python -m shared.compute.server [MODULE ...]` with the control socket as standard input. The pool
sends one byte, "f" for a child of one job or "r" for one of many, and two descriptors: the child's socket, and the
leash. When the leash closes, because the pool lets go or its process is dead, the child's whole process group is
killed. A frame {"exit": status} follows the child's last frame.
"""

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from shared.compute.child import adopt_orphans, die_with_parent, serve, serve_many
from shared.compute.protocol import encode_frame


class ForkServer:
    """The loop. One thread only: a fork must never copy a lock that another thread holds."""

    def __init__(self, control: socket.socket, rehearsals: Sequence[Callable[[], None]] = ()) -> None:
        self._control = control
        self._rehearsals = rehearsals
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[int, socket.socket] = {}
        self._leashes: dict[int, socket.socket] = {}
        self._bell, bell = socket.socketpair()
        self._bell.setblocking(False)
        bell.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._bell_in = bell
        signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the pool closes the control socket."""
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control and not self._fork():
                    return
                if key.fileobj is self._bell:
                    self._bury()
                elif key.data is not None:
                    self._kill(key.data)

    def _fork(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        if not message:
            for pid in list(self._leashes):
                self._kill(pid)
            return False
        connection, leash = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        connection.setblocking(True)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            leash.close()
            self._become_child(parent, connection, is_resident=message == b"r")
        self._sockets[pid] = connection
        self._leashes[pid] = leash
        self._selector.register(leash, selectors.EVENT_READ, pid)
        return True

    def _become_child(self, parent: int, connection: socket.socket, *, is_resident: bool) -> None:
        code = 1
        try:
            os.setsid()
            die_with_parent(parent)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._close_all()
            connection.sendall(encode_frame({"pid": os.getpid()}))
            if is_resident:
                serve_many(connection)
            else:
                serve(connection, self._rehearsals)
            code = 0
        finally:
            # Without the interpreter's teardown: nothing of this copy is worth closing in order.
            os._exit(code)

    def _close_all(self) -> None:
        self._selector.close()
        for mine in (self._control, self._bell, self._bell_in, *self._sockets.values(), *self._leashes.values()):
            mine.close()

    def _kill(self, pid: int) -> None:
        if pid not in self._leashes:
            return
        self._selector.unregister(self._leashes[pid])
        self._leashes.pop(pid).close()
        # The first fails when the child has not yet become the leader of its group, the second ends it then.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def _bury(self) -> None:
        self._bell.recv(4096)
        while (dead := _next_dead()) is not None:
            # Before the number is free again: whatever the child left running in its group goes with it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(dead, signal.SIGKILL)
            _, status = os.waitpid(dead, 0)
            self._report(dead, os.waitstatus_to_exitcode(status))

    def _report(self, pid: int, status: int) -> None:
        leash = self._leashes.pop(pid, None)
        if leash is not None:
            self._selector.unregister(leash)
            leash.close()
        connection = self._sockets.pop(pid, None)
        if connection is None:
            return
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.send(encode_frame({"exit": status}))
        connection.close()


def _next_dead() -> int | None:
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found is not None else None


def main(modules: list[str]) -> None:
    """Load the modules, then serve. They must start no thread on import; those with a function `rehearse` lend it."""
    adopt_orphans()
    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - pathlib is not loaded in a bare child
        os.dup2(nothing.fileno(), 0)
    loaded = [importlib.import_module(module) for module in ("shared.compute", *modules)]
    gc.collect()
    # Keeps the collector from touching, and so copying, the pages that all children share.
    gc.freeze()
    ForkServer(control, [module.rehearse for module in loaded if hasattr(module, "rehearse")]).run()
    # Without the interpreter's teardown: the libraries complain when they are taken apart.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
