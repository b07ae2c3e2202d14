"""Sends TCP segments that no TCP stack would send, from a raw socket (Node has none).

usage: raw-tcp.py SRC DST SEGMENT...

A SEGMENT is a list of key=value, joined by commas:
  sport dport seq ack win   numbers
  flags                     letters of FSRPAUEC, none for a NULL scan
  ttl id                    of the IP header (id 0: the kernel chooses)
  size                      bytes of payload
  offset                    data offset in words, right or wrong (5)
  cut                       send only so many bytes of the TCP header and payload
  sum                       "bad" for a wrong checksum
  options                   hex, padded by the caller to a multiple of four bytes
  wait                      seconds to wait before sending
"""

import socket
import struct
import sys
import time

LETTERS = "FSRPAUEC"


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def build_segment(src: bytes, dst: bytes, want: dict) -> bytes:
    options = bytes.fromhex(want.get("options", ""))
    payload = b"x" * int(want.get("size", 0))
    flags = sum(1 << LETTERS.index(letter) for letter in want.get("flags", ""))
    offset = int(want.get("offset", 5 + len(options) // 4))

    def header(total: int) -> bytes:
        return struct.pack(
            "!HHIIBBHHH",
            int(want["sport"]),
            int(want["dport"]),
            int(want.get("seq", 1000)) % 2**32,
            int(want.get("ack", 0)) % 2**32,
            offset << 4,
            flags,
            int(want.get("win", 1024)),
            total,
            0,
        )

    body = options + payload
    pseudo = src + dst + struct.pack("!BBH", 0, socket.IPPROTO_TCP, 20 + len(body))
    total = checksum(pseudo + header(0) + body)
    if want.get("sum") == "bad":
        total ^= 0x5555
    segment = header(total) + body
    return segment[: int(want["cut"])] if "cut" in want else segment


def build_packet(src: bytes, dst: bytes, want: dict) -> bytes:
    segment = build_segment(src, dst, want)
    ttl = int(want.get("ttl", 64))
    # The kernel fills in length and checksum of the IP header, and the id when it is 0.
    return struct.pack("!BBHHHBBH", 0x45, 0, 0, int(want.get("id", 0)), 0, ttl, socket.IPPROTO_TCP, 0) + src + dst + segment


def main(arguments: list) -> None:
    src, dst = (socket.inet_aton(address) for address in arguments[:2])
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for words in arguments[2:]:
        want = dict(word.split("=", 1) for word in words.split(","))
        time.sleep(float(want.get("wait", 0)))
        sender.sendto(build_packet(src, dst, want), (arguments[1], 0))


if __name__ == "__main__":
    main(sys.argv[1:])
