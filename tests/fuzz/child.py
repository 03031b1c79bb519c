"""A computing child of the product under its own limits, which does job after job: `python -m tests.fuzz.child FD`."""

import socket
import sys
from importlib import import_module

PARENT_SOCKET = int(sys.argv[1])

if __name__ == "__main__":
    with socket.socket(fileno=PARENT_SOCKET) as connection:
        import_module("shared.compute.child").serve_many(connection)
