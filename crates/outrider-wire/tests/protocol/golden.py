"""Writes golden.txt: one frame of each type by PROTOCOL.md, sharing no code with the crate.

    python3 golden.py > golden.txt
"""

import struct

SESSION = 0x0123456789ABCDEF
TOKEN = bytes(range(0xF0, 0x100))
ZEROS = bytes(32)


def crc32c(data):
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = remainder >> 1 ^ (0x82F63B78 if remainder & 1 else 0)
    return remainder ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def number(form, meaning, value):
    return struct.pack("<" + form, value), f"{meaning} {value}"


def u16(meaning, value):
    return number("H", meaning, value)


def u32(meaning, value):
    return number("I", meaning, value)


def u64(meaning, value):
    return number("Q", meaning, value)


def zeros(count):
    return bytes(count), "zero"


def code(value):
    return struct.pack("<I", value), f"code 0x{value:04x}"


def fault(value, expected, found, text):
    fields = [code(value), u32("bytes of text:", len(text)), (expected, "expected"), (found, "found")]
    return fields + ([(text.encode(), f'"{text}"')] if text else [])


def mark(layer, index):
    return [u32("layer", layer), u32("index", index)]


def frame(name, kind, payload=(), version=1, flags=0, epoch=0, stream=0, sequence=0, round=0, time=1000):
    body = b"".join(field for field, _ in payload)
    fields = [
        (b"OTRW", 'magic "OTRW"'),
        u16("version", version),
        u16("type", kind),
        (struct.pack("<I", flags), f"flags 0x{flags:08x}"),
        u32("epoch", epoch),
        (struct.pack("<Q", SESSION), "session"),
        u32("stream", stream),
        u32("bytes of payload:", len(body)),
        u64("sequence", sequence),
        u64("round", round),
        u64("sent at ns", time),
        (struct.pack("<I", crc32c(body)), "checksum of the payload"),
    ]
    head = b"".join(field for field, _ in fields)
    fields.append((struct.pack("<I", crc32c(head)), "checksum of the header"))
    print(f"\n== {name}")
    for field, meaning in [*fields, *payload]:
        for start in range(0, len(field), 16):
            digits = field[start : start + 16].hex(" ")
            print(f"{digits:48}# {'(continued)' if start else meaning}")


print('# One frame of each type. Behind each "==" stands the name, behind each "#" the meaning of the bytes before it.')
print("# The two checksums are CRC32C: of the payload, and of the first 60 bytes of the header.")
print("# Written by golden.py.")
frame("HELLO", 1, [
    u16("lowest version", 1), u16("highest version", 3), zeros(4), u64("features offered:", 5),
    u64("features required:", 1), (TOKEN, "token"), u64("wanted", 42), u64("heartbeat in ns:", 10_000_000),
    u32("longest payload:", 16_384), zeros(4),
], version=0, time=0)
frame("WELCOME", 2, [
    u16("version", 1), zeros(2), u32("most streams:", 16), u64("features:", 1), (TOKEN, "token"), u64("wanted", 7),
    u64("heartbeat in ns:", 20_000_000), u32("longest payload:", 65_536), zeros(4),
], version=0, time=0)
frame("REFUSE", 3, fault(0x0205, ZEROS, ZEROS, "wrong token"), version=0, time=0)
frame("ACK", 8, [u64("wanted", 9)])
frame("NAK", 9, [u64("wanted", 9), code(0x0103), zeros(4)])
frame("PING", 10, [u64("echo", 77), u64("wanted", 9), u64("next", 12)])
frame("PONG", 11, [u64("echo", 77), u64("wanted", 9), u64("next", 12)])
frame("ERROR", 12, fault(0x0409, ZEROS, ZEROS, ""))
frame("OPEN", 16, [
    (b"\x11" * 32, "hash of the model"), (b"\x22" * 32, "hash of the plan"), u32("width of the first layer:", 4),
    u32("width of the last layer:", 4), u32("observables:", 1), u32("widths in the cycle:", 1), u32("width", 8),
], stream=3, sequence=1)
frame("ASSIGN", 17, [
    u32("ranges:", 2), zeros(4), u64("first cell:", 10), (b"\xff" * 8, "count: without end"), u64("stride", 2),
    u64("first cell:", 3), u64("count:", 2), u64("stride", 1),
], stream=3, sequence=2, epoch=2, round=20)
frame("ROUNDS", 18, [
    u32("layers:", 3), zeros(4), u32("detectors:", 8), (b"\x21", "events of detectors 0 and 5"), u32("detectors:", 0),
    u32("detectors:", 12), (b"\xff\x0f", "events of all 12"),
], stream=3, sequence=3, epoch=2, round=20, flags=3)
frame("MARKS", 19, [
    u64("cell", 9), u32("marks:", 2), zeros(4), *mark(0, 5), *mark(1, 2),
], stream=3, sequence=4, epoch=2, round=24)
frame("CLOSE", 20, stream=3, sequence=5)
frame("WEIGHTS", 21, [
    u64("version", 4), u64("rounds", 1024), u32("factors in all:", 5), u32("first factor:", 3), u32("factors:", 2), zeros(4),
    (struct.pack("<d", 1.0), "factor 1.0"), (struct.pack("<d", 2.5), "factor 2.5"),
], stream=3, sequence=6, round=24)
frame("OPENED", 32, [u64("rounds in all:", 100)], stream=3, sequence=1)
frame("COMMIT", 33, [
    u64("cell", 9), u64("last round in at ns", 10), u64("dispatched at ns", 20), u64("decoding began at ns", 30),
    u64("decoding ended at ns", 40), u32("words of parities:", 1), u32("marks:", 1),
    (struct.pack("<Q", 1), "observable 0 flips"), *mark(0, 5),
], stream=3, sequence=2, epoch=2, round=24, flags=1 << 16)
frame("CREDIT", 34, [u64("rounds in all:", 250)], stream=3, sequence=3)
frame("STREAM_ERROR", 35, fault(0x040C, b"\x33" * 32, b"\x44" * 32, ""), stream=3, sequence=4)
frame("CLOSED", 36, [code(0x030C), u32("cells named:", 1), u64("open cells:", 3), u64("cell", 8)], sequence=5)
