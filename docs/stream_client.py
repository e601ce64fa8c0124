#!/usr/bin/env python3
"""The smallest client of a decoder node, written from PROTOCOL.md alone (section 12).

Streams each shot of a b8 file as one history and prints its observable flips, a line of 0 and 1 per shot:

    stream_client.py unix:/run/outrider/node.sock shots.b8 --model HEX --plan HEX \
        --widths 4,8,4 --rounds 25 --observables 1

The widths are those of the first layer, of the layers that repeat, and of the last; the digests are on the node's READY
line. Nothing but Python's standard library is needed.
"""
import argparse
import socket
import struct
import time

HELLO, WELCOME, REFUSE, ACK, PING, PONG, ERROR = 1, 2, 3, 8, 10, 11, 12
OPEN, ASSIGN, ROUNDS, CLOSE, OPENED, COMMIT, CREDIT, STREAM_ERROR, CLOSED = 16, 17, 18, 20, 32, 33, 34, 35, 36
NUMBERED = {OPEN, ASSIGN, ROUNDS, CLOSE, OPENED, COMMIT, CREDIT, STREAM_ERROR, CLOSED}
LAST, ENDLESS, HEADER = 1, 2**64 - 1, struct.Struct("<IHHIIQIIQQQI")
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
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
        self.version = self.session = 0
        self.sent, self.wanted, self.unread = 0, 1, b""
        self.heard = {}  # granted rounds and observable flips by stream, and the last fault
        heartbeat = 1_000_000_000
        self.send(HELLO, struct.pack("<HHIQQ16xQQII", 1, 1, 0, 0, 0, 1, heartbeat, 16384, 0))
        kind, _, session, payload = self.receive()
        if kind != WELCOME:
            raise SystemExit(f"refused: {payload[72:].decode()}")
        self.version, self.session = struct.unpack_from("<H", payload)[0], session
        self.heartbeat = struct.unpack_from("<Q", payload, 40)[0] / 1e9

    def send(self, kind, payload=b"", stream=0, flags=0, epoch=0, first_round=0):
        if kind in NUMBERED:
            self.sent += 1
        header = HEADER.pack(0x5752544F, self.version, kind, flags, epoch, self.session, stream, len(payload),
                             self.sent if kind in NUMBERED else 0, first_round, time.monotonic_ns(),
                             crc32c(payload) if payload else 0)
        self.socket.sendall(header + struct.pack("<I", crc32c(header)) + payload)

    def read(self, count):
        while len(self.unread) < count:
            data = self.socket.recv(1 << 16)
            if not data:
                raise SystemExit("the node has closed the connection")
            self.unread += data
        data, self.unread = self.unread[:count], self.unread[count:]
        return data

    def receive(self):
        head = self.read(64)
        magic, _, kind, _, _, session, stream, length, sequence, _, _, payload_crc = HEADER.unpack(head[:60])
        if magic != 0x5752544F or struct.unpack("<I", head[60:])[0] != crc32c(head[:60]):
            raise SystemExit("a broken header")
        payload = self.read(length)
        if length and crc32c(payload) != payload_crc or kind in NUMBERED and sequence != self.wanted:
            raise SystemExit("a broken payload, or a frame is missing")
        if kind in NUMBERED:
            self.wanted += 1
            if self.wanted % 16 == 0:
                self.send(ACK, struct.pack("<Q", self.wanted))
        return kind, stream, session, payload

    def step(self):
        """Takes a frame, or says that this side is alive if none comes for a while."""
        if not self.unread:
            self.socket.settimeout(self.heartbeat)
            try:
                self.unread = self.socket.recv(1 << 16)
            except TimeoutError:
                return self.send(PING, struct.pack("<QQQ", 0, self.wanted, self.sent + 1))
            finally:
                self.socket.settimeout(None)
        kind, stream, _, payload = self.receive()
        if kind == PING:
            echo = struct.unpack_from("<Q", payload)[0]
            self.send(PONG, struct.pack("<QQQ", echo, self.wanted, self.sent + 1))
        elif kind in (OPENED, CREDIT):
            self.heard[stream]["granted"] = struct.unpack("<Q", payload)[0]
        elif kind == COMMIT:
            words = struct.unpack_from("<I", payload, 40)[0]
            self.heard[stream]["flips"] ^= int.from_bytes(payload[48:48 + 8 * words], "little")
        elif kind == CLOSED:
            self.heard[stream] = {"open": struct.unpack_from("<Q", payload, 8)[0], **self.heard.get(stream, {})}
        elif kind in (STREAM_ERROR, ERROR):
            raise SystemExit(f"code {struct.unpack_from('<I', payload)[0]:#06x}: {payload[72:].decode()}")
        return None

    def decode(self, stream, options, layers):
        """Streams a history and returns its observable flips as a number."""
        first, cycle, last = options.widths
        state = self.heard[stream] = {"granted": 0, "flips": 0}
        self.send(OPEN, bytes.fromhex(options.model) + bytes.fromhex(options.plan)
                  + struct.pack("<5I", first, last, options.observables, 1, cycle), stream)
        self.send(ASSIGN, struct.pack("<II3Q", 1, 0, 0, ENDLESS, 1), stream, epoch=1)
        for number, (width, bits) in enumerate(layers):
            while number >= state["granted"]:
                self.step()
            layer = struct.pack("<II", 1, 0) + struct.pack("<I", width) + bits.to_bytes((width + 7) // 8, "little")
            is_last = number + 1 == len(layers)
            self.send(ROUNDS, layer, stream, LAST if is_last else 0, epoch=1, first_round=number)
        self.send(CLOSE, b"", stream)
        while "open" not in self.heard[stream]:
            self.step()
        if self.heard[stream]["open"]:
            raise SystemExit("the node has left cells open")
        return state["flips"]


def shots_of(path, options):
    """The layers of each shot of a b8 file: width and bits."""
    first, cycle, last = options.widths
    widths = [first] + [cycle] * (options.rounds - 1) + [last]
    row_bytes = (sum(widths) + 7) // 8
    with open(path, "rb") as file:
        while row := file.read(row_bytes):
            if len(row) < row_bytes:
                raise SystemExit(f"{path}: the last shot is cut short")
            bits = int.from_bytes(row, "little")
            layers = []
            for width in widths:
                layers.append((width, bits & (1 << width) - 1))
                bits >>= width
            yield layers


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
    session = Session(options.address)
    for stream, layers in enumerate(shots_of(options.shots, options), 1):
        flips = session.decode(stream, options, layers)
        print("".join(str(flips >> k & 1) for k in range(options.observables)))
    session.send(CLOSE)
    while 0 not in session.heard:
        session.step()
    session.send(ACK, struct.pack("<Q", session.wanted))


if __name__ == "__main__":
    main()
