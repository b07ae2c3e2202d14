"""Sends frames one by one through a firewall namespace and tells what its conntrack made of each.

usage (inside the firewall's namespace): kernel.py EDGE_NAMESPACE INTERFACE...

Standard input, one line a packet:   AT_MS INTERFACE_NUMBER FRAME_HEX FAMILY PROTO SRC DST A B
Standard output, one JSON line each: {"at": ms, "spent": ms, "logs": [[group, prefix], ...], "entry": null or {...}}
A line "end" is answered with "end". AT_MS counts from the first packet; a packet that is late is sent at once.

Frames go out of interfaces of EDGE_NAMESPACE, from one process on one processor: each has run through the firewall when send() returns.
Group 1 carries the verdict of a rule, group 0 what log_invalid prints; the entry is asked for by its tuple after each packet.
"""

import ctypes
import errno
import json
import os
import socket
import struct
import sys
import time

NETLINK_NETFILTER = 12
SOL_NETLINK = 270
NETLINK_NO_ENOBUFS = 5
CTNETLINK, ULOG = 1, 4
NLM_F_REQUEST, NLM_F_ACK = 1, 4
CLONE_NEWNET = 0x40000000
VERDICT_GROUP = 1
PATIENCE_S = 0.2


def attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("HH", len(data) + 4, kind) + data + b"\0" * (-len(data) % 4)


def nested(kind: int, *parts: bytes) -> bytes:
    return attribute(kind | 0x8000, b"".join(parts))


def attributes(data: bytes) -> dict:
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def message(subsystem: int, kind: int, flags: int, family: int, resource: int, payload: bytes) -> bytes:
    body = struct.pack("!BBH", family, 0, resource) + payload
    return struct.pack("IHHII", len(body) + 16, subsystem << 8 | kind, flags, 1, 0) + body


def messages(data: bytes):
    at = 0
    while at + 16 <= len(data):
        length, kind, _, _, _ = struct.unpack_from("IHHII", data, at)
        yield kind, data[at + 16 : at + length]
        at += (length + 3) & ~3


def netfilter_socket() -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    made.bind((0, 0))
    return made


def open_log(groups: list) -> socket.socket:
    log = netfilter_socket()
    log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    log.setsockopt(SOL_NETLINK, NETLINK_NO_ENOBUFS, 1)
    for group in groups:
        for payload in (
            attribute(1, b"\x01"),  # bind
            attribute(2, struct.pack("!IBB", 64, 2, 0)),  # copy the head of the packet
            attribute(5, struct.pack("!I", 1)),  # one packet a message
        ):
            log.send(message(ULOG, 1, NLM_F_REQUEST | NLM_F_ACK, 0, group, payload))
            for kind, body in messages(log.recv(65536)):
                if kind == 2 and struct.unpack_from("i", body)[0] != 0:
                    raise OSError(-struct.unpack_from("i", body)[0], f"cannot bind log group {group}")
    log.setblocking(False)
    return log


def read_log(log: socket.socket) -> list:
    """Lines so far: [group, prefix]; waits a moment for the verdict."""
    lines, deadline = [], time.monotonic() + PATIENCE_S
    while True:
        try:
            for kind, body in messages(log.recv(65536)):
                if kind != ULOG << 8:
                    continue
                prefix = attributes(body[4:]).get(10, b"\0")[:-1].decode()
                lines.append([struct.unpack_from("!H", body, 2)[0], prefix.strip()])
        except BlockingIOError:
            if any(group == VERDICT_GROUP for group, _ in lines) or time.monotonic() > deadline:
                return lines
            time.sleep(0.0005)


def tuple_request(family: int, proto: int, src: str, dst: str, a: int, b: int) -> bytes:
    inet = socket.AF_INET if family == 4 else socket.AF_INET6
    ends = [socket.inet_pton(inet, text) for text in (src, dst)]
    first = 1 if family == 4 else 3
    kinds = {1: 4, 58: 7}.get(proto)
    if kinds is None:
        ports = [attribute(2, struct.pack("!H", a)), attribute(3, struct.pack("!H", b))]
    else:
        ports = [attribute(kinds, struct.pack("!H", a)), attribute(kinds + 1, bytes([b >> 8])), attribute(kinds + 2, bytes([b & 255]))]
    asked = nested(
        1,
        nested(1, attribute(first, ends[0]), attribute(first + 1, ends[1])),
        nested(2, attribute(1, bytes([proto])), *ports),
    )
    return message(CTNETLINK, 1, NLM_F_REQUEST, inet, 0, asked)


def read_entry(table: socket.socket, request: bytes):
    table.send(request)
    for kind, body in messages(table.recv(65536)):
        if kind == 2:
            error = -struct.unpack_from("i", body)[0]
            if error == errno.ENOENT:
                return None
            raise OSError(error, "cannot ask for the entry")
        found = attributes(body[4:])
        source = attributes(attributes(found[1])[1])
        original = socket.inet_ntop(socket.AF_INET, source[1]) if 1 in source else socket.inet_ntop(socket.AF_INET6, source[3])
        told = {
            "src": original,
            "status": struct.unpack("!I", found[3])[0],
            "timeout": struct.unpack("!I", found[7])[0] if 7 in found else None,
        }
        if 4 in found:
            tcp = attributes(attributes(found[4]).get(1, b""))
            if 1 in tcp:
                told["state"] = tcp[1][0]
                told["scale"] = [tcp[2][0], tcp[3][0]]
                told["flags"] = [tcp[4][0], tcp[5][0]]
        return told
    return None


def enter(namespace: str) -> None:
    with open(f"/run/netns/{namespace}") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def tick_clock() -> float:
    """Seconds on the clock that goes with jiffies, by which conntrack measures: in a guest whose ticks come late, it lags."""
    return time.clock_gettime(6)  # CLOCK_MONOTONIC_COARSE


def main(edge: str, names: list) -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    log, table = open_log([0, VERDICT_GROUP]), netfilter_socket()
    enter(edge)
    senders = []
    for name in names:
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sender.bind((name, 0))
        senders.append(sender)
    begun = None
    for line in sys.stdin:
        words = line.split()
        if words[0] == "end":
            print("end", flush=True)
            begun = None
            continue
        begun = begun or time.monotonic()
        delay = begun + float(words[0]) / 1000 - time.monotonic()
        if delay > 0:
            time.sleep(delay)
        request = tuple_request(int(words[3]), int(words[4]), words[5], words[6], int(words[7]), int(words[8]))
        at = tick_clock()
        senders[int(words[1])].send(bytes.fromhex(words[2]))
        lines, entry = read_log(log), read_entry(table, request)
        spent = (tick_clock() - at) * 1000
        print(json.dumps({"at": at * 1000, "spent": round(spent, 1), "logs": lines, "entry": entry}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
