"""Ordinary traffic of a busy office, from the standard library alone.

usage: busy-traffic.py serve ADDRESS...            echoes on TCP 80 and 443 and UDP 53 and 123 of each address, says "ready"
       busy-traffic.py visit TCP UDP PING FROM... -- TO...
           so many visits, questions and pings from the addresses before -- to those behind it
       busy-traffic.py hold COUNT FROM... -- TO    opens connections, says "ready", holds them until killed
       busy-traffic.py reset FIRST_PORT COUNT FROM TO   visits from these ports, ended by an RST
       busy-traffic.py knock COUNT FROM TO         opens connections that nobody answers, and gives up
"""

import selectors
import socket
import struct
import sys
import time

TCP_PORTS = (80, 443)
UDP_PORTS = (53, 123)
QUESTION = b"q" * 60


def serve(addresses: list[str]) -> None:
    ears = selectors.DefaultSelector()
    for address in addresses:
        for port in TCP_PORTS:
            ears.register(socket.create_server((address, port), backlog=256), selectors.EVENT_READ, "accept")
        for port in UDP_PORTS:
            ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            ear.bind((address, port))
            ears.register(ear, selectors.EVENT_READ, "answer")
    print("ready", flush=True)
    while True:
        for key, _ in ears.select():
            if key.data == "accept":
                ears.register(key.fileobj.accept()[0], selectors.EVENT_READ, "echo")
            elif key.data == "answer":
                data, whom = key.fileobj.recvfrom(2048)
                key.fileobj.sendto(data, whom)
            else:
                try:
                    data = key.fileobj.recv(2048)
                except ConnectionResetError:
                    data = b""
                if data:
                    key.fileobj.sendall(data)
                else:
                    ears.unregister(key.fileobj)
                    key.fileobj.close()


def connect(source: str, to: str, number: int, sport: int = 0) -> socket.socket:
    return socket.create_connection((to, TCP_PORTS[number % 2]), timeout=10, source_address=(source, sport))


def visit(source: str, to: str, number: int) -> None:
    with connect(source, to, number) as one:
        one.sendall(QUESTION)
        one.recv(2048)
        one.shutdown(socket.SHUT_WR)
        one.recv(2048)


def ask(source: str, to: str, number: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((source, 0))
        one.settimeout(10)
        one.sendto(QUESTION, (to, UDP_PORTS[number % 2]))
        one.recv(2048)


def echo_request(ident: int) -> bytes:
    rest = struct.pack("!HH", ident, 1) + b"x" * 16
    total = sum(struct.unpack(f"!{len(rest) // 2}H", rest)) + 0x0800
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!BBH", 8, 0, ~total & 0xFFFF) + rest


def ping(source: str, to: str, ident: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as one:
        one.bind((source, 0))
        one.sendto(echo_request(ident), (to, 0))


def several(words: list[str]) -> tuple[list[str], list[str]]:
    at = words.index("--")
    return words[:at], words[at + 1 :]


what, *words = sys.argv[1:]
if what == "serve":
    serve(words)
elif what == "visit":
    tcp, udp, pings = (int(word) for word in words[:3])
    sources, targets = several(words[3:])
    for count, one in ((tcp, visit), (udp, ask), (pings, ping)):
        for number in range(count):
            one(sources[number % len(sources)], targets[number % len(targets)], number)
            time.sleep(0.001)
elif what == "hold":
    sources, targets = several(words[1:])
    held = [connect(sources[number % len(sources)], targets[0], number) for number in range(int(words[0]))]
    for one in held:
        one.sendall(QUESTION)
        one.recv(2048)
    print("ready", flush=True)
    time.sleep(600)
elif what == "reset":
    first, count = int(words[0]), int(words[1])
    for number in range(count):
        one = connect(words[2], words[3], 1, first + number)
        one.sendall(QUESTION)
        one.recv(2048)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()
elif what == "knock":
    tried = []
    for number in range(int(words[0])):
        one = socket.socket()
        one.setblocking(False)
        one.bind((words[1], 0))
        one.connect_ex((words[2], 8443))
        tried.append(one)
    time.sleep(1.5)
