#!/usr/bin/env python3
"""The smallest client of a decoder node, written from PROTOCOL.md alone (section 12).

Streams each shot of a b8 file as one history and prints its observable flips, a line of 0 and 1 per shot:

    stream_client.py unix:/run/outrider/node.sock shots.b8 --model HEX --plan HEX --widths 4,8,4 --rounds 25

The widths are those of the first layer, of the layers that repeat, and of the last; the digests are on the node's READY
line. Nothing but Python's standard library is needed.
"""
import argparse
import socket
import struct
import time

HELLO, WELCOME, REFUSE, ACK, PING, ERROR, PONG = 1, 2, 3, 8, 10, 12, 11
OPEN, ASSIGN, ROUNDS, CLOSE, OPENED, COMMIT, CREDIT, STREAM_ERROR, CLOSED = 16, 17, 18, 20, 32, 33, 34, 35, 36
MAGIC, LAST, ENDLESS, HEADER = 0x5752544F, 1, 2**64 - 1, struct.Struct("<IHHIIQIIQQQI")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Session:
    def __init__(self, address):
        kind, _, rest = address.partition(":")
        if kind == "unix":
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(rest)
        else:
            host, _, port = rest.rpartition(":")
            self.socket = socket.create_connection((host, int(port)))
        self.version, self.number, self.heartbeat, self.spoke = 0, 0, 1.0, time.monotonic()
        self.sent, self.wanted, self.unread = 0, 1, b""
        self.streams = {0: {}}  # granted rounds, observable flips and, at the end, open cells; 0 is the session
        self.send(HELLO, struct.pack("<HHIQQ16xQQII", 1, 1, 0, 0, 0, 1, 1_000_000_000, 16384, 0))
        self.step()

    def send(self, kind, payload=b"", stream=0, flags=0, epoch=0, first_round=0):
        self.sent += kind >= OPEN
        header = HEADER.pack(MAGIC, self.version, kind, flags, epoch, self.number, stream, len(payload),
                             self.sent if kind >= OPEN else 0, first_round, time.monotonic_ns(), crc32c(payload))
        self.socket.sendall(header + struct.pack("<I", crc32c(header)) + payload)
        self.spoke = time.monotonic()

    def read(self, count):
        while len(self.unread) < count:
            if self.version and time.monotonic() > self.spoke + self.heartbeat:
                self.send(PING, struct.pack("<QQQ", 0, self.wanted, self.sent + 1))
            self.socket.settimeout(self.heartbeat)
            try:
                data = self.socket.recv(1 << 16)
            except TimeoutError:
                continue
            if not data:
                raise SystemExit("the node has closed the connection")
            self.unread += data
        data, self.unread = self.unread[:count], self.unread[count:]
        return data

    def step(self):
        """Takes a frame."""
        head = self.read(64)
        magic, _, kind, _, _, number, stream, length, sequence, _, _, payload_crc = HEADER.unpack(head[:60])
        if magic != MAGIC or struct.unpack("<I", head[60:])[0] != crc32c(head[:60]):
            raise SystemExit("a broken header")
        payload = self.read(length)
        if crc32c(payload) != payload_crc or kind >= OPEN and sequence != self.wanted:
            raise SystemExit("a broken payload, or a frame is missing")
        self.wanted += kind >= OPEN
        if kind >= OPEN and self.wanted % 32 == 0:
            self.send(ACK, struct.pack("<Q", self.wanted))
        if kind == WELCOME:
            self.version, self.number = struct.unpack_from("<H", payload)[0], number
            self.heartbeat = struct.unpack_from("<Q", payload, 40)[0] / 1e9
        elif kind == PING:
            self.send(PONG, payload[:8] + struct.pack("<QQ", self.wanted, self.sent + 1))
        elif kind in (OPENED, CREDIT):
            self.streams[stream]["granted"] = struct.unpack("<Q", payload)[0]
        elif kind == COMMIT:
            words = struct.unpack_from("<I", payload, 40)[0]
            self.streams[stream]["flips"] ^= int.from_bytes(payload[48:48 + 8 * words], "little")
        elif kind == CLOSED:
            self.streams[stream]["open"] = struct.unpack_from("<Q", payload, 8)[0]
        elif kind in (REFUSE, ERROR, STREAM_ERROR):
            raise SystemExit(f"code {struct.unpack_from('<I', payload)[0]:#06x} {payload[72:].decode()}")

    def close(self, stream=0):
        self.send(CLOSE, b"", stream)
        while "open" not in self.streams[stream]:
            self.step()
        if self.streams[stream]["open"]:
            raise SystemExit("the node has left cells open")
        return self.streams.pop(stream)

    def decode(self, stream, options, shot):
        """Streams a shot as a history, and returns its observable flips as a number."""
        first, cycle, last = options.widths
        self.streams[stream] = {"granted": 0, "flips": 0}
        self.send(OPEN, bytes.fromhex(options.model) + bytes.fromhex(options.plan)
                  + struct.pack("<5I", first, last, options.observables, 1, cycle), stream)
        self.send(ASSIGN, struct.pack("<II3Q", 1, 0, 0, ENDLESS, 1), stream, epoch=1)
        for number in range(options.rounds + 1):
            width = first if number == 0 else cycle if number < options.rounds else last
            while number >= self.streams[stream]["granted"]:
                self.step()
            layer = struct.pack("<III", 1, 0, width) + (shot & (1 << width) - 1).to_bytes((width + 7) // 8, "little")
            self.send(ROUNDS, layer, stream, LAST if number == options.rounds else 0, epoch=1, first_round=number)
            shot >>= width
        return self.close(stream)["flips"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="unix:PATH or tcp:HOST:PORT")
    parser.add_argument("shots", help="detection events, b8")
    parser.add_argument("--model", required=True, help="digest of the error model, in hexadecimal")
    parser.add_argument("--plan", required=True, help="digest of the plan, in hexadecimal")
    parser.add_argument("--widths", required=True, type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--rounds", required=True, type=int)
    parser.add_argument("--observables", type=int, default=1)
    options = parser.parse_args()
    first, cycle, last = options.widths
    shot_bytes = (first + cycle * (options.rounds - 1) + last + 7) // 8
    session = Session(options.address)
    with open(options.shots, "rb") as file:
        for stream, shot in enumerate(iter(lambda: file.read(shot_bytes), b""), 1):
            if len(shot) < shot_bytes:
                raise SystemExit(f"{options.shots}: the last shot is cut short")
            flips = session.decode(stream, options, int.from_bytes(shot, "little"))
            print("".join(str(flips >> k & 1) for k in range(options.observables)))
    session.close()
    session.send(ACK, struct.pack("<Q", session.wanted))


if __name__ == "__main__":
    main()
