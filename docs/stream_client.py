#!/usr/bin/env python3
"""The smallest client of a decoder node, written from PROTOCOL.md alone (section 12).

Streams each shot of a b8 file as one history and prints its observable flips, a line of 0 and 1 per shot:

    stream_client.py unix:/run/outrider/node.sock shots.b8 --model HEX --plan HEX --widths 4,8,4 --rounds 25

The widths are those of the first layer, of the layers that repeat, and of the last; the digests are on the node's READY
line. Nothing but Python's standard library is needed.
"""
import argparse, select, socket, struct, time

HELLO, WELCOME, REFUSE, ACK, PING, PONG, ERROR = 1, 2, 3, 8, 10, 11, 12
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
    """A session, and one stream of it at a time: its granted rounds, observable flips and, once closed, open cells."""

    def __init__(self, address):
        kind, _, rest = address.partition(":")
        self.socket = socket.socket(socket.AF_UNIX) if kind == "unix" else socket.socket()
        self.socket.connect(rest if kind == "unix" else (rest.rpartition(":")[0], int(rest.rpartition(":")[2])))
        self.version, self.number, self.heartbeat = 0, 0, 5.0
        self.sent, self.wanted, self.stream = 0, 1, 0
        self.granted, self.flips, self.open = 0, 0, None
        self.send(HELLO, struct.pack("<HHIQQ16xQQII", 1, 1, 0, 0, 0, 1, 1_000_000_000, 16384, 0))
        self.step()

    def send(self, kind, payload=b"", flags=0, epoch=0, first_round=0):
        self.sent += kind >= OPEN
        stream, sequence = (self.stream, self.sent) if kind >= OPEN else (0, 0)
        header = HEADER.pack(MAGIC, self.version, kind, flags, epoch, self.number, stream, len(payload), sequence,
                             first_round, time.monotonic_ns(), crc32c(payload))
        self.socket.sendall(header + struct.pack("<I", crc32c(header)) + payload)

    def read(self, count):
        data = b""
        while len(data) < count:
            if not select.select([self.socket], [], [], self.heartbeat)[0]:
                self.send(PING, struct.pack("<QQQ", 0, self.wanted, self.sent + 1))
                continue
            data += self.socket.recv(count - len(data)) or quit("the node has closed the connection")
        return data

    def step(self):
        """Takes a frame."""
        head = self.read(64)
        magic, _, kind, _, _, number, stream, length, sequence, _, _, payload_crc = HEADER.unpack(head[:60])
        if magic != MAGIC or struct.unpack("<I", head[60:])[0] != crc32c(head[:60]):
            quit("a broken header")
        payload = self.read(length)
        if crc32c(payload) != payload_crc or kind >= OPEN and sequence != self.wanted:
            quit("a broken payload, or a frame is missing")
        if kind >= OPEN:
            self.wanted += 1
            self.send(ACK, struct.pack("<Q", self.wanted))
        if kind == WELCOME:
            self.number, (self.version, heartbeat_ns) = number, struct.unpack_from("<H38xQ", payload)
            self.heartbeat = heartbeat_ns / 1e9
        elif kind == PING:
            self.send(PONG, payload[:8] + struct.pack("<QQ", self.wanted, self.sent + 1))
        elif kind in (OPENED, CREDIT):
            self.granted = struct.unpack("<Q", payload)[0]
        elif kind == COMMIT:
            words = struct.unpack_from("<I", payload, 40)[0]
            self.flips ^= int.from_bytes(payload[48:48 + 8 * words], "little")
        elif kind == CLOSED and stream == self.stream:
            self.open = struct.unpack_from("<Q", payload, 8)[0]
        elif kind in (REFUSE, ERROR, STREAM_ERROR, CLOSED):
            quit(f"{struct.unpack_from('<I', payload)[0]:#06x} {payload[72:].decode(errors='replace')}")

    def close(self):
        self.open = None
        self.send(CLOSE)
        while self.open is None:
            self.step()
        if self.open:
            quit("the node has left cells open")

    def decode(self, stream, options, widths, shot):
        """Streams a shot as a history, and returns its observable flips as a number."""
        self.stream, self.granted, self.flips = stream, 0, 0
        self.send(OPEN, bytes.fromhex(options.model) + bytes.fromhex(options.plan)
                  + struct.pack("<5I", widths[0], widths[-1], options.observables, 1, widths[1]))
        self.send(ASSIGN, struct.pack("<II3Q", 1, 0, 0, ENDLESS, 1), epoch=1)
        for number, width in enumerate(widths):
            while number >= self.granted:
                self.step()
            layer = struct.pack("<III", 1, 0, width) + (shot & (1 << width) - 1).to_bytes((width + 7) // 8, "little")
            self.send(ROUNDS, layer, LAST if number == options.rounds else 0, epoch=1, first_round=number)
            shot >>= width
        self.close()
        return self.flips


def quit(why):
    raise SystemExit(why)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", help="unix:PATH or tcp:HOST:PORT")
    parser.add_argument("shots", help="detection events, b8")
    for name, kind in {"model": str, "plan": str, "widths": str, "rounds": int}.items():
        parser.add_argument(f"--{name}", required=True, type=kind)
    parser.add_argument("--observables", type=int, default=1)
    options = parser.parse_args()
    first, cycle, last = map(int, options.widths.split(","))
    widths = [first] + [cycle] * (options.rounds - 1) + [last]
    session, size = Session(options.address), (sum(widths) + 7) // 8
    with open(options.shots, "rb") as file:
        for stream, shot in enumerate(iter(lambda: file.read(size), b""), 1):
            if len(shot) < size:
                quit(f"{options.shots}: the last shot is cut short")
            flips = session.decode(stream, options, widths, int.from_bytes(shot, "little"))
            print("".join(str(flips >> k & 1) for k in range(options.observables)))
    session.stream = 0
    session.close()


if __name__ == "__main__":
    main()
