"""Writes the first inputs of fuzz_network: small networks of both kinds, and files that are none.

    python c_core/tests/fuzz/make_networks.py c_core/tests/fuzz/corpus/fuzz_network
"""

import json
import random
import struct
import sys
from pathlib import Path

CODES = {"I8": "b", "I16": "h", "I32": "i", "F16": "e", "F32": "f", "F64": "d"}
WIDTH, RELATIONS, PLACES, PHASES = 16, 10, 49, 14
# Edges of Stim's memory circuits, one way; the boundary.
EDGES = [(-2, 0, 1), (0, -2, 1), (-1, -1, 1), (-1, 1, 0), (-1, 1, 1), (1, -1, 1), (0, 0, 1), (1, 1, 0)]
SLOTS = [(x, y, t, 0) for x, y, t in EDGES] + [(-x, -y, -t, 0) for x, y, t in EDGES] + [(0, 0, 0, 1)]


def file_of(tensors, metadata):
    """Tensors are (name, dtype, shape, values)."""
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, dtype, shape, values in tensors:
        if dtype == "BF16":
            raw = b"".join(struct.pack("<f", value)[2:] for value in values)
        else:
            raw = struct.pack(f"<{len(values)}{CODES[dtype]}", *values)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def event_network(rng, layers=0, kinds=1, weight=20, row=30, bias=500, shifts=(3, 8, 7, 6)):
    """One set of weights; several kinds lie on a chessboard and see it transposed by turns."""

    def whole(most, count):
        return [rng.randint(-most, most) for _ in range(count)]

    def floats(most, count):
        return [value / 16 for value in whole(16 * most, count)]

    square = WIDTH * WIDTH
    lattice = [2, 2, 1, kinds - 1, kinds - 1, 0, kinds, 1]
    embed_shift, layer_shift, hidden_shift, head_shift = shifts
    tensors = [
        ("lattice", "I32", [8], lattice),
        ("frames", "I32", [kinds, 2], [number for kind in range(kinds) for number in (kind % 2, 0)]),
        ("slots", "I32", [1, len(SLOTS), 4], [number for slot in SLOTS for number in slot]),
        ("shifts", "I32", [layers + 3], [embed_shift, *[layer_shift] * layers, hidden_shift, head_shift]),
        ("scalars", "F32", [3], [0.01, 0.125, 2.5]),
        ("embed", "I16", [1, RELATIONS, WIDTH], whole(row, RELATIONS * WIDTH)),
        ("place", "I16", [kinds, PLACES, WIDTH], whole(4 * row, kinds * PLACES * WIDTH)),
        ("phase", "I16", [kinds, 2, PHASES // 2, WIDTH], whole(4 * row, kinds * PHASES * WIDTH)),
        ("noise.embed", "F32", [WIDTH], floats(row, WIDTH)),
    ]
    for layer in range(layers):
        tensors += [
            (f"layer.{layer}.self", "I8", [1, WIDTH, WIDTH], whole(weight, square)),
            (f"layer.{layer}.relations", "I8", [1, RELATIONS, WIDTH, WIDTH], whole(weight, RELATIONS * square)),
            (f"layer.{layer}.bias", "I32", [1, WIDTH], whole(bias, WIDTH)),
            (f"layer.{layer}.noise", "F32", [WIDTH], floats(bias, WIDTH)),
        ]
    tensors += [
        ("hidden.weight", "I8", [1, WIDTH, WIDTH], whole(weight, square)),
        ("hidden.bias", "I32", [1, WIDTH], whole(bias, WIDTH)),
        ("head.weight", "I8", [1, len(SLOTS), WIDTH], whole(weight, len(SLOTS) * WIDTH)),
        ("head.bias", "I32", [1, len(SLOTS)], whole(bias, len(SLOTS))),
    ]
    return file_of(tensors, {"format": "outrider-event-network", "version": "1", "card": 'a "card"\n'})


def dense_network(rng, outputs, kernel, dtype, prefix="", least=-0.5, most=0.5, maxima=(), metadata=None):
    tensors, inputs = [], 4
    for index, channels in enumerate(outputs):
        count = channels * inputs * kernel**3
        for part, shape, size in (
            ("weight", [channels, inputs, kernel, kernel, kernel], count),
            ("bias", [channels], channels),
        ):
            values = [rng.uniform(least, most) for _ in range(size)]
            tensors.append((f"{prefix}net.{3 * index}.{part}", dtype, shape, values))
        inputs = channels
    if maxima:
        tensors.append(("activation.maxima", "F32", [len(maxima)], list(maxima)))
    return file_of(tensors, metadata)


def main():
    rng = random.Random(1)
    event = event_network(rng)
    files = {
        "event_plain": event,
        "event_layer": event_network(rng, layers=1),
        "event_two_kinds": event_network(rng, kinds=2),
        "event_loud": event_network(rng, layers=1, weight=127, row=1000, bias=2**29, shifts=(0, 16, 0, 0)),
        "event_cut": event[:-1],
        "event_later": event.replace(b'"version":"1"', b'"version":"2"'),
        "dense_half": dense_network(rng, [2, 4], 3, "F16", metadata={"quant_format": "fp16"}),
        "dense_module": dense_network(rng, [17, 5], 1, "BF16", prefix="module."),
        "dense_integers": dense_network(rng, [4, 3, 4], 1, "F32", maxima=(1.5, 0.25)),
        "dense_loud": dense_network(rng, [4] * 16, 1, "F32", least=5000, most=10000),
        "dense_damaged": dense_network(rng, [1, 4], 1, "F16").replace(b"[1]", b"[1}"),
        "neither": file_of([("x", "F64", [0], [])], {"format": "p\nt"}),
    }
    for name, data in files.items():
        (Path(sys.argv[1]) / name).write_bytes(data)


if __name__ == "__main__":
    main()
