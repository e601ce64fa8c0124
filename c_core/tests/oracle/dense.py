"""Compares the dense pre-decoder with PyTorch and with the published pipeline written out in NumPy.

    python c_core/tests/oracle/dense.py [--quick]
    python c_core/tests/oracle/dense.py --write DIRECTORY    the small networks of c_core/tests/golden/dense

Needs torch. Weights are random: the published ones are not part of this repository. For networks of the published
shapes (models 1 to 5; --quick: small ones only), both bases and all orientations:
 - logits in floats agree with PyTorch to 1e-4;
 - hard use gives the residual formula's events and logical parity, from parity-check matrices and stabiliser numbering
   built here by the published rules;
 - soft use gives each edge within a round or between two rounds the weight of its logits;
 - integers give the same logits on every instruction set, near those of floats.
"""

import argparse
import ctypes
import json
import struct
from pathlib import Path

import numpy as np
import torch

from otr_ctypes import Error, NoisePaper, SurfaceOptions, check, library

PAPER, PAPER_PUBLISHED = 1, 2
X, Z = range(2)
FLOAT, INTEGER = range(2)
ISAS = {"portable": 1, "avx2": 2, "avx512": 3, "avx512vnni": 5}
UNSUPPORTED = 2
BOUNDARY = 0xFFFFFFFF
HANDLE = ctypes.c_void_p
# (layers, width, kernel) of models 1 to 5.
PUBLISHED = {1: (4, 128, 3), 2: (4, 256, 3), 3: (4, 128, 5), 4: (6, 128, 3), 5: (6, 256, 3)}
SMALL = {"narrow": (3, 6, 3), "wide-kernel": (2, 17, 5)}


class DenseOptions(ctypes.Structure):
    """otr_dense_options"""

    _fields_ = [
        ("isa", ctypes.c_int),
        ("arithmetic", ctypes.c_int),
        ("data_threshold", ctypes.c_float),
        ("syndrome_threshold", ctypes.c_float),
    ]


class Override(ctypes.Structure):
    """otr_override"""

    _fields_ = [("edge", ctypes.c_uint32), ("weight", ctypes.c_int32)]


class Predecoded(ctypes.Structure):
    """otr_predecoded"""

    _fields_ = [
        ("events", ctypes.POINTER(ctypes.c_uint32)),
        ("event_count", ctypes.c_size_t),
        ("overrides", ctypes.POINTER(Override)),
        ("override_count", ctypes.c_size_t),
        ("observables", ctypes.POINTER(ctypes.c_uint8)),
        ("edges", ctypes.POINTER(ctypes.c_uint32)),
        ("edge_count", ctypes.c_size_t),
        ("weight_offset", ctypes.c_int32),
    ]


SOFT, HARD = 0, 1  # otr_predecoder_use


class Edge(ctypes.Structure):
    """otr_edge"""

    _fields_ = [
        ("node1", ctypes.c_uint32),
        ("node2", ctypes.c_uint32),
        ("probability", ctypes.c_double),
        ("weight", ctypes.c_int32),
        ("observable_count", ctypes.c_uint32),
        ("observables", ctypes.POINTER(ctypes.c_uint32)),
    ]


LIB = library()
for name in ("otr_graph_destroy", "otr_predecoder_destroy", "otr_dense_network_destroy"):
    getattr(LIB, name).restype = None
    getattr(LIB, name).argtypes = [HANDLE]
LIB.otr_noise_paper_uniform.restype = NoisePaper
LIB.otr_noise_paper_uniform.argtypes = [ctypes.c_double]
LIB.otr_graph_scale.restype = ctypes.c_double
LIB.otr_graph_scale.argtypes = [HANDLE]
LIB.otr_graph_edge_count.restype = ctypes.c_uint32
LIB.otr_graph_edge_count.argtypes = [HANDLE]
LIB.otr_graph_edge.argtypes = [HANDLE, ctypes.c_uint32, ctypes.POINTER(Edge)]
LIB.otr_surface_model.argtypes = [HANDLE, ctypes.c_bool, ctypes.POINTER(HANDLE), ctypes.POINTER(Error)]
LIB.otr_graph_create.argtypes = [ctypes.POINTER(HANDLE), HANDLE, HANDLE, ctypes.POINTER(Error)]
LIB.otr_dense_network_create.argtypes = [ctypes.POINTER(HANDLE), ctypes.c_char_p, ctypes.c_size_t]
LIB.otr_dense_network_create.argtypes += [ctypes.POINTER(Error)]
LIB.otr_dense_network_calibrate.argtypes = [HANDLE, HANDLE, HANDLE, ctypes.c_size_t, ctypes.c_size_t]
LIB.otr_dense_network_calibrate.argtypes += [ctypes.POINTER(Error)]
LIB.otr_dense_network_write.restype = ctypes.c_size_t
LIB.otr_dense_network_write.argtypes = [HANDLE, ctypes.c_char_p, ctypes.c_size_t]
LIB.otr_dense_predecoder_create.argtypes = [ctypes.POINTER(HANDLE), HANDLE, HANDLE, HANDLE]
LIB.otr_dense_predecoder_create.argtypes += [ctypes.POINTER(DenseOptions), ctypes.POINTER(Error)]
LIB.otr_dense_predecoder_logits.argtypes = [HANDLE, HANDLE, ctypes.c_size_t]
LIB.otr_dense_predecoder_logits.argtypes += [ctypes.POINTER(ctypes.POINTER(ctypes.c_float)), HANDLE]
LIB.otr_predecoder_apply.argtypes = [HANDLE, ctypes.c_int, HANDLE, ctypes.c_size_t, ctypes.POINTER(Predecoded)]


# The network in PyTorch.


def random_network(layers, width, kernel, generator):
    """Convolutions whose activations keep their size from layer to layer."""
    convolutions = []
    for index in range(layers):
        inputs, outputs = (4 if index == 0 else width), (4 if index == layers - 1 else width)
        layer = torch.nn.Conv3d(inputs, outputs, kernel, padding=kernel // 2)
        spread = 1.5 / (inputs * kernel**3) ** 0.5 * (3 if index == 0 else 1)
        layer.weight.data = torch.randn(layer.weight.shape, generator=generator) * spread
        layer.bias.data = torch.randn(layer.bias.shape, generator=generator) * 0.1
        convolutions.append(layer)
    return convolutions


def as_float16(convolutions):
    for layer in convolutions:
        layer.weight.data = layer.weight.data.half().float()
        layer.bias.data = layer.bias.data.half().float()


def evaluate(convolutions, planes):
    with torch.no_grad():
        x = torch.from_numpy(planes)[None]
        for index, layer in enumerate(convolutions):
            x = layer(x)
            if index < len(convolutions) - 1:
                x = torch.nn.functional.gelu(x, approximate="tanh")
        return x[0, :4].numpy()


def file_of(convolutions, dtype="F32", prefix="", model_id=None):
    """The network as a safetensors file."""
    kind = {"F16": np.float16, "F32": np.float32}[dtype]
    header, data = {"__metadata__": {"quant_format": {"F16": "fp16", "F32": "fp32"}[dtype]}}, b""
    if model_id is not None:
        header["__metadata__"]["model_id"] = str(model_id)
    for index, layer in enumerate(convolutions):
        for part, tensor in (("weight", layer.weight), ("bias", layer.bias)):
            raw = tensor.detach().numpy().astype(kind).tobytes()
            entry = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
            header[f"{prefix}net.{3 * index}.{part}"] = entry
            data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


# The published rules, from their description.


class Layout:
    """Stabilisers of one orientation: supports and cells, X row by row, Z column by column."""

    def __init__(self, distance, orientation):
        d, rotation = distance, ["XV", "XH", "ZV", "ZH"][orientation - 1]
        first, other = rotation[0], "XZ"[rotation[0] == "X"]
        self.distance, found = d, {"X": [], "Z": []}
        for r in range(-1, d):
            for c in range(-1, d):
                kind = first if (r + c) % 2 == 0 else other
                row_edge, column_edge = r in (-1, d - 1), c in (-1, d - 1)
                if row_edge and column_edge:
                    continue
                if row_edge and kind != (other if rotation[1] == "V" else first):
                    continue
                if column_edge and kind != (first if rotation[1] == "V" else other):
                    continue
                corners = [(r + i, c + j) for i in (0, 1) for j in (0, 1)]
                support = [(y, x) for y, x in corners if 0 <= y < d and 0 <= x < d]
                found[kind].append(((r, c), support))
        found["X"].sort(key=lambda item: item[0])
        found["Z"].sort(key=lambda item: item[0][::-1])
        self.supports = [[[y * d + x for y, x in s] for _, s in found[k]] for k in "XZ"]
        self.cells = [[self.cell(k, s) for _, s in found[k]] for k in "XZ"]
        row, column = list(range(d)), list(range(0, d * d, d))
        x_is_row = rotation in ("XV", "ZH")
        self.logicals = [row, column] if x_is_row else [column, row]

    def cell(self, kind, support):
        rows, columns = sorted({y for y, _ in support}), sorted({x for _, x in support})
        if len(support) == 4:
            y, x = rows[0], columns[0] if kind == "X" else columns[1]
        elif len(columns) == 2:  # on a horizontal edge
            y, x = rows[0], columns[0] if kind == "X" else columns[1]
        else:  # on a vertical edge
            y, x = rows[0], columns[0]
        return y * self.distance + x


class Experiment:
    """One memory experiment: where the groups of its detector vector lie."""

    def __init__(self, layout, basis, rounds):
        self.layout, self.basis, self.rounds = layout, basis, rounds
        self.half = (layout.distance**2 - 1) // 2
        self.detector_count = 2 * rounds * self.half

    def group(self, kind, t):
        """Detectors of the stabilisers of a type in a round, None if there are none."""
        if t == 0:
            return slice(0, self.half) if kind == self.basis else None
        return slice((2 * t - 1 + kind) * self.half, (2 * t + kind) * self.half)

    def shown(self, kind, t):
        return kind == self.basis or 0 < t < self.rounds - 1

    def planes(self, detectors):
        d, layout = self.layout.distance, self.layout
        planes = np.zeros((4, self.rounds, d * d), np.float32)
        for kind in (X, Z):
            for t in range(self.rounds):
                if self.shown(kind, t):
                    planes[kind, t, layout.cells[kind]] = detectors[self.group(kind, t)]
                    planes[2 + kind, t, layout.cells[kind]] = [len(s) / 4 for s in layout.supports[kind]]
        return planes.reshape(4, self.rounds, d, d)

    def residual(self, detectors, flips):
        """The residual vector and the logical parity, from bits in the shape of the output."""
        flips = flips.reshape(4, self.rounds, -1).astype(int)
        out = detectors.copy()
        for kind in (X, Z):
            checks = np.zeros((self.half, self.layout.distance**2), int)
            for index, support in enumerate(self.layout.supports[kind]):
                checks[index, support] = 1
            cells = self.layout.cells[kind]
            for t in range(self.rounds):
                if self.group(kind, t) is None:
                    continue
                seen = detectors[self.group(kind, t)] * self.shown(kind, t)
                before = flips[2 + kind, t - 1, cells] if t > 0 else 0
                value = seen + flips[2 + kind, t, cells] + before + checks @ flips[kind, t]
                out[self.group(kind, t)] = value % 2
        return out, flips[self.basis][:, self.layout.logicals[self.basis]].sum() % 2

    def edge_logits(self):
        """Pairs of detectors -> logits (plane, round, cell) that flip exactly these."""
        found = {}
        for kind in (X, Z):
            for t in range(self.rounds):
                detectors = self.group(kind, t)
                for q in range(self.layout.distance**2 if detectors else 0):
                    ends = [detectors.start + i for i, s in enumerate(self.layout.supports[kind]) if q in s]
                    found.setdefault(tuple(sorted([*ends, BOUNDARY])[:2]), []).append((kind, t, q))
                after = self.group(kind, t + 1) if t + 1 < self.rounds else None
                for index, cell in enumerate(self.layout.cells[kind] if after else []):
                    ends = [group.start + index for group in (detectors, after) if group]
                    found.setdefault(tuple(sorted([*ends, BOUNDARY])[:2]), []).append((2 + kind, t, cell))
        return found


# The library.


class Case:
    """An experiment, its graph and shots."""

    def __init__(self, distance, rounds, basis, orientation, family, random):
        self.experiment = Experiment(Layout(distance, orientation), basis, rounds)
        options = SurfaceOptions(
            family=family, basis=basis, width=distance, height=distance, rounds=rounds, orientation=orientation
        )
        options.noise_paper = LIB.otr_noise_paper_uniform(0.005)
        self.surface, self.graph, model, error = HANDLE(), HANDLE(), HANDLE(), Error()
        check(LIB.otr_surface_create(ctypes.byref(self.surface), ctypes.byref(options), ctypes.byref(error)), error)
        check(LIB.otr_surface_model(self.surface, False, ctypes.byref(model), ctypes.byref(error)), error)
        check(LIB.otr_graph_create(ctypes.byref(self.graph), model, None, ctypes.byref(error)), error)
        LIB.otr_model_destroy(model)
        self.shots = (random.random((4, self.experiment.detector_count)) < [[0.02], [0.05], [0.1], [0.5]]).astype(int)

    def __del__(self):
        LIB.otr_graph_destroy(self.graph)
        LIB.otr_surface_destroy(self.surface)

    def edges(self):
        """The graph's edges: index -> pair of detectors."""
        edge, found = Edge(), {}
        for index in range(LIB.otr_graph_edge_count(self.graph)):
            LIB.otr_graph_edge(self.graph, index, ctypes.byref(edge))
            found[index] = (edge.node1, edge.node2)
        return found


class Network:
    """otr_dense_network"""

    def __init__(self, data):
        self.handle, error = HANDLE(), Error()
        check(LIB.otr_dense_network_create(ctypes.byref(self.handle), data, len(data), ctypes.byref(error)), error)

    def __del__(self):
        LIB.otr_dense_network_destroy(self.handle)

    def calibrate(self, case):
        rows, error = np.packbits(case.shots.astype(np.uint8), axis=1, bitorder="little"), Error()
        status = LIB.otr_dense_network_calibrate(
            self.handle, case.surface, rows.ctypes.data, rows.shape[1], len(rows), ctypes.byref(error)
        )
        check(status, error)

    def write(self):
        size = LIB.otr_dense_network_write(self.handle, None, 0)
        buffer = ctypes.create_string_buffer(size)
        assert LIB.otr_dense_network_write(self.handle, buffer, size) == size
        return buffer.raw


class Predecoder:
    """otr_predecoder of a dense network; `available` is false if the machine lacks the instruction set."""

    def __init__(self, network, case, isa=0, arithmetic=FLOAT, thresholds=(0, 0)):
        self.handle, self.case, self.network, error = HANDLE(), case, network, Error()
        options = DenseOptions(isa, arithmetic, *thresholds)
        status = LIB.otr_dense_predecoder_create(
            ctypes.byref(self.handle), network.handle, case.surface, case.graph, options, ctypes.byref(error)
        )
        self.available = status != UNSUPPORTED
        if self.available:
            check(status, error)

    def __del__(self):
        LIB.otr_predecoder_destroy(self.handle)

    def logits(self, detectors):
        events, out = np.flatnonzero(detectors).astype(np.uint32), ctypes.POINTER(ctypes.c_float)()
        count = ctypes.c_size_t()
        status = LIB.otr_dense_predecoder_logits(
            self.handle, events.ctypes.data, len(events), ctypes.byref(out), ctypes.byref(count)
        )
        assert status == 0
        d, rounds = self.case.experiment.layout.distance, self.case.experiment.rounds
        assert count.value == 4 * rounds * d * d
        return np.ctypeslib.as_array(out, (4, rounds, d, d)).copy()

    def apply(self, use, events):
        left = Predecoded()
        assert LIB.otr_predecoder_apply(self.handle, use, events.ctypes.data, len(events), ctypes.byref(left)) == 0
        return left

    def hard(self, detectors):
        events = np.flatnonzero(detectors).astype(np.uint32)
        out = self.apply(HARD, events)
        residual = np.zeros_like(detectors)
        residual[out.events[: out.event_count]] = 1
        return residual, out.observables[0]

    def soft(self, detectors):
        events = np.flatnonzero(detectors).astype(np.uint32)
        out = self.apply(SOFT, events)
        scale = LIB.otr_graph_scale(self.case.graph)
        found = {out.overrides[i].edge: out.overrides[i].weight / scale for i in range(out.override_count)}
        assert len(found) == out.override_count, "an edge is named twice"
        return found


# The comparisons.


def weight_of(logits):
    """ln((1-p)/p) of "an odd number of these"."""
    signed = np.prod(-np.tanh(np.array(logits, np.float64) / 2))
    return 2 * np.arctanh(signed)


def check_soft(case, predecoder, logits, detectors):
    expected, weights = case.experiment.edge_logits(), predecoder.soft(detectors)
    scale = LIB.otr_graph_scale(case.graph)
    for index, pair in case.edges().items():
        if pair not in expected:
            assert index not in weights, f"edge {pair} has no logit"
            continue
        natural = weight_of([logits[plane].reshape(logits.shape[1], -1)[t, q] for plane, t, q in expected[pair]])
        assert abs(weights[index] - natural) <= 1e-5 * abs(natural) + 2 / scale, (pair, weights[index], natural)
    return len(weights)


def check_network(label, convolutions, case, dtype, prefix, model_id):
    network = Network(file_of(convolutions, dtype, prefix, model_id))
    thresholds = (0.25, -0.5)
    floats = Predecoder(network, case, thresholds=thresholds)
    error = 0
    limits = np.array(thresholds, np.float32).repeat(2)[:, None, None, None]
    for detectors in case.shots:
        expected = evaluate(convolutions, case.experiment.planes(detectors))
        logits = floats.logits(detectors)
        error = max(error, np.abs(logits - expected).max())
        residual, parity = case.experiment.residual(detectors, logits >= limits)
        found, found_parity = floats.hard(detectors)
        assert np.array_equal(found, residual) and found_parity == parity, f"{label}: the residual differs"
        edges = check_soft(case, floats, logits, detectors)
    assert error <= 1e-4, f"{label}: logits are off by {error}"
    return error, edges, check_integers(label, network, case, floats)


def check_integers(label, network, case, floats):
    """The largest and the mean difference of integers to floats, in units of the logits' spread."""
    network.calibrate(case)
    again = Network(network.write())
    reference = Predecoder(network, case, ISAS["portable"], INTEGER)
    others = [Predecoder(again, case, isa, INTEGER) for isa in (0, *ISAS.values())]
    worst, total, spread = 0, 0, 0
    for detectors in case.shots:
        logits, exact = reference.logits(detectors), floats.logits(detectors)
        for other in others:
            assert not other.available or np.array_equal(other.logits(detectors), logits), f"{label}: integers differ"
        worst = max(worst, np.abs(logits - exact).max())
        total, spread = total + np.abs(logits - exact).mean(), spread + exact.std()
    spread /= len(case.shots)
    assert total / len(case.shots) < 0.1 * spread, f"{label}: integers are far from floats"
    return worst / spread, total / len(case.shots) / spread


def write_golden(folder):
    """Networks, and shots of each experiment with the logits that PyTorch gives."""
    for index, (name, shape) in enumerate(SMALL.items()):
        convolutions = random_network(*shape, torch.Generator().manual_seed(index))
        as_float16(convolutions)
        (folder / f"{name}.safetensors").write_bytes(file_of(convolutions, "F16", "module." if index else ""))
        lines = [f"# {Path(__file__).name} --write: basis, orientation, rounds; events; logits, plane by plane"]
        for basis in (X, Z):
            for orientation in (1, 2, 3, 4):
                case = Case(3, 3 + basis, basis, orientation, PAPER, np.random.default_rng(10 * basis + orientation))
                detectors = case.shots[2]
                logits = evaluate(convolutions, case.experiment.planes(detectors)).ravel()
                lines.append(f"{'XZ'[basis]} {orientation} {case.experiment.rounds}")
                lines.append(" ".join(map(str, np.flatnonzero(detectors))))
                lines.append(" ".join(f"{value:.5f}" for value in logits))
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", type=Path, metavar="DIRECTORY")
    args = parser.parse_args()
    if args.write:
        write_golden(args.write)
        return
    generator, random = torch.Generator().manual_seed(1), np.random.default_rng(1)
    networks = {**SMALL} if args.quick else {**SMALL, **PUBLISHED}
    for name, shape in networks.items():
        convolutions = random_network(*shape, generator)
        half = name in (1, 4, "narrow")
        if half:
            as_float16(convolutions)
        for basis in (X, Z):
            for orientation in (1, 2, 3, 4) if name in SMALL else (1 + random.integers(4),):
                distance = 5 if name in SMALL else 3
                family = (PAPER, PAPER_PUBLISHED)[orientation % 2]
                case = Case(distance, distance + basis, basis, orientation, family, random)
                label = f"network {name}, {'XZ'[basis]}, O{orientation}"
                form = ("F16" if half else "F32", "module." if basis else "", None if name in SMALL else name)
                error, edges, (worst, mean) = check_network(label, convolutions, case, *form)
                print(f"{label}: floats within {error:.1e}, {edges} edges, integers off by {mean:.4f} spreads ({worst:.3f})")
    print("the dense pre-decoder agrees")


if __name__ == "__main__":
    main()
