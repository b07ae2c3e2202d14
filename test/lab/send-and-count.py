"""Sends frames one by one into a namespace and prints what a command says there after each.

usage (inside the namespace): send-and-count.py EDGE_NAMESPACE INTERFACE COMMAND...

Standard input, one frame a line, in hex. Frames leave INTERFACE of EDGE_NAMESPACE; before each '@@ N' line the output of COMMAND
is the state after N frames.
"""

import ctypes
import os
import socket
import subprocess
import sys

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter(path: str) -> None:
    with open(path, "rb") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {path}")


def main() -> None:
    edge, interface, *command = sys.argv[1:]
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(f"/run/netns/{edge}")
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((interface, 0))
    enter(f"/proc/self/fd/{own}")
    frames = [bytes.fromhex(line) for line in sys.stdin.read().split()]
    for number, frame in enumerate([None, *frames]):
        # On a veth the receiver has run when send() returns, unless its softirq was put off: the command takes longer than that.
        if frame is not None:
            out.send(frame)
        said = subprocess.run(command, check=True, capture_output=True, text=True)
        print(f"{said.stdout}@@ {number}")


main()
