"""Compares models, graphs, decoders and samplers of the library with Stim and PyMatching, on fresh random models.

    python c_core/tests/oracle/decoding.py [--seed S] [--models N] [--shots N]

Needs stim and pymatching. Prints the seed; the same seed gives the same models and shots. For every model:
  - the parsed model prints as the one Stim parsed, and walks as Stim flattens it;
  - the graph has PyMatching's edges, probabilities, weights and observables;
  - plain matching weighs what PyMatching's does on every shot, with a certificate and on every instruction set, and
    predicts the same where there are no ties; union-find is never lighter;
  - correlated matching weighs and predicts the same where there are no ties, and fails as often on codes;
  - shots without a perfect matching are refused by both.
Sampled rates are compared on models and seeds that never change.
"""

import argparse
import ctypes
import math
import random

import numpy as np
import pymatching
import stim

from otr_ctypes import Error, GraphOptions, OutriderError, check, library, text_of

MWPM, CORRELATED, UNION_FIND = range(3)
AUTO, PORTABLE, AVX2, AVX512 = range(4)
AVX512VNNI = 5
BOUNDARY = 0xFFFFFFFF
SEPARATOR = 2**64 - 1
OBSERVABLE = 2**63
OK, UNSUPPORTED, ODD_PARITY = 0, 2, 30
# Weights are sums of numbers rounded alike by both programs.
WEIGHT_TOLERANCE = 1e-9
# A step of rounding in integer weights, which are even.
STEP = 2
# Different shots of one model without ties that may still be ties, once weights are rounded to integers.
ROUNDING_TIES_MAX = 2


class Instruction(ctypes.Structure):
    """otr_instruction"""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("argument_count", ctypes.c_uint32),
        ("arguments", ctypes.POINTER(ctypes.c_double)),
        ("target_count", ctypes.c_uint64),
        ("targets", ctypes.POINTER(ctypes.c_uint64)),
        ("repeat_count", ctypes.c_uint64),
        ("body_count", ctypes.c_uint64),
        ("line", ctypes.c_uint64),
        ("tag", ctypes.POINTER(ctypes.c_char)),
        ("tag_bytes", ctypes.c_uint64),
    ]


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


class Implied(ctypes.Structure):
    """otr_implied"""

    _fields_ = [
        ("edges", ctypes.POINTER(ctypes.c_uint32)),
        ("weights", ctypes.POINTER(ctypes.c_int32)),
        ("count", ctypes.c_size_t),
    ]


class DecoderOptions(ctypes.Structure):
    """otr_decoder_options"""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("isa", ctypes.c_int),
        ("certify", ctypes.c_bool),
        ("predecoder", ctypes.c_void_p),
        ("predecoder_use", ctypes.c_int),
        ("weight_offset", ctypes.c_int32),
        ("likelihood", ctypes.c_void_p),
    ]


class SamplerOptions(ctypes.Structure):
    """otr_sampler_options"""

    _fields_ = [("seed", ctypes.c_uint64), ("isa", ctypes.c_int), ("graph", ctypes.c_void_p)]


class BitRows(ctypes.Structure):
    """otr_bit_rows"""

    _fields_ = [("bytes", ctypes.c_void_p), ("stride", ctypes.c_size_t)]


class SamplerOutput(ctypes.Structure):
    """otr_sampler_output"""

    _fields_ = [(name, BitRows) for name in ("detectors", "observables", "errors", "edges")]


LIB = library()
HANDLE = ctypes.c_void_p
for name in ("otr_decoder_destroy", "otr_model_walk_destroy", "otr_sampler_destroy"):
    getattr(LIB, name).restype = None
    getattr(LIB, name).argtypes = [HANDLE]
for name in ("otr_graph_edge_count", "otr_graph_node_count", "otr_graph_observable_count"):
    getattr(LIB, name).restype = ctypes.c_uint32
    getattr(LIB, name).argtypes = [HANDLE]
LIB.otr_graph_scale.restype = ctypes.c_double
LIB.otr_graph_scale.argtypes = [HANDLE]
LIB.otr_model_walk_create.argtypes = [ctypes.POINTER(HANDLE), HANDLE]
LIB.otr_model_walk_next.restype = ctypes.c_bool
LIB.otr_model_walk_next.argtypes = [HANDLE, ctypes.POINTER(Instruction)]
LIB.otr_model_observable_count.restype = ctypes.c_uint64
LIB.otr_model_observable_count.argtypes = [HANDLE]
LIB.otr_graph_edge.argtypes = [HANDLE, ctypes.c_uint32, ctypes.POINTER(Edge)]
LIB.otr_graph_implied.argtypes = [HANDLE, ctypes.c_uint32, ctypes.POINTER(Implied)]
LIB.otr_decoder_create.argtypes = [ctypes.POINTER(HANDLE), HANDLE, ctypes.POINTER(DecoderOptions)]
LIB.otr_decoder_decode_batch.argtypes = [HANDLE, HANDLE, ctypes.c_size_t, ctypes.c_size_t, HANDLE, ctypes.c_size_t]
LIB.otr_decoder_decode_batch.argtypes += [HANDLE, ctypes.POINTER(ctypes.c_size_t)]
LIB.otr_sampler_create.argtypes = [ctypes.POINTER(HANDLE), HANDLE]
LIB.otr_sampler_create.argtypes += [ctypes.POINTER(SamplerOptions), ctypes.POINTER(Error)]
LIB.otr_sampler_sample.argtypes = [HANDLE, ctypes.c_uint64, ctypes.c_size_t, ctypes.POINTER(SamplerOutput)]


class Model:
    """otr_model"""

    def __init__(self, text):
        self.handle, error, data = HANDLE(), Error(), text.encode()
        check(LIB.otr_model_parse(ctypes.byref(self.handle), data, len(data), ctypes.byref(error)), error)

    def __del__(self):
        LIB.otr_model_destroy(self.handle)

    def text(self):
        return text_of(LIB.otr_model_text, self.handle)

    def flat(self):
        """The walk, as tuples of name, arguments and targets."""
        walk, step = HANDLE(), Instruction()
        assert LIB.otr_model_walk_create(ctypes.byref(walk), self.handle) == OK
        while LIB.otr_model_walk_next(walk, ctypes.byref(step)):
            name = ("error", "detector", "logical_observable")[step.kind]
            yield name, step.arguments[: step.argument_count], [spell(t) for t in step.targets[: step.target_count]]
        LIB.otr_model_walk_destroy(walk)

    def sample(self, shots, seed):
        """Bits of detectors, then observables, one row a shot."""
        sampler, error = HANDLE(), Error()
        options = SamplerOptions(seed=seed, isa=AUTO)
        check(
            LIB.otr_sampler_create(ctypes.byref(sampler), self.handle, ctypes.byref(options), ctypes.byref(error)), error
        )
        counts = LIB.otr_model_detector_count(self.handle), LIB.otr_model_observable_count(self.handle)
        rows = [np.zeros((shots, (count + 7) // 8), dtype=np.uint8) for count in counts]
        output = SamplerOutput(*(BitRows(r.ctypes.data, r.shape[1]) for r in rows))
        assert LIB.otr_sampler_sample(sampler, 0, shots, ctypes.byref(output)) == OK
        LIB.otr_sampler_destroy(sampler)
        return np.hstack([unpack(r, count) for r, count in zip(rows, counts)])


class Graph:
    """otr_graph"""

    def __init__(self, model, correlations):
        self.handle, error = HANDLE(), Error()
        # A small range: then the scale is PyMatching's, whatever the weights are.
        options = GraphOptions(correlations=correlations, first_observables=True, weight_range=1.0)
        status = LIB.otr_graph_create(
            ctypes.byref(self.handle), model.handle, ctypes.byref(options), ctypes.byref(error)
        )
        check(status, error)
        self.scale = LIB.otr_graph_scale(self.handle)
        self.nodes = LIB.otr_graph_node_count(self.handle)
        self.observables = LIB.otr_graph_observable_count(self.handle)

    def __del__(self):
        LIB.otr_graph_destroy(self.handle)

    def edges(self):
        """Nodes -> probability, natural weight, observables."""
        found = {}
        for i in range(LIB.otr_graph_edge_count(self.handle)):
            edge = Edge()
            assert LIB.otr_graph_edge(self.handle, i, ctypes.byref(edge)) == OK
            nodes = edge.node1, None if edge.node2 == BOUNDARY else edge.node2
            found[nodes] = edge.probability, edge.weight / self.scale, set(edge.observables[: edge.observable_count])
        return found

    def has_free_edges(self):
        """Whether an edge weighs nothing: errors of probability 1/2 keep it so, whatever else merges with them."""
        edge = Edge()
        for i in range(LIB.otr_graph_edge_count(self.handle)):
            assert LIB.otr_graph_edge(self.handle, i, ctypes.byref(edge)) == OK
            if edge.weight == 0:
                return True
        return False

    def sure_edges(self):
        """How many edges can become free in the second pass, which makes ties."""
        rules, edges = Implied(), set()
        for i in range(LIB.otr_graph_edge_count(self.handle)):
            assert LIB.otr_graph_implied(self.handle, i, ctypes.byref(rules)) == OK
            found = zip(rules.edges[: rules.count], rules.weights[: rules.count])
            edges.update(edge for edge, weight in found if weight == 0)
        return len(edges)

    def decoder(self, kind, isa=AUTO):
        """A decoder that proves its answers, or None where the instruction set is missing."""
        return Decoder.create(self, kind, isa)


class Decoder:
    """otr_decoder"""

    @classmethod
    def create(cls, graph, kind, isa):
        self = cls()
        self.graph, self.handle = graph, HANDLE()
        options = DecoderOptions(kind=kind, isa=isa, certify=kind != UNION_FIND)
        status = LIB.otr_decoder_create(ctypes.byref(self.handle), graph.handle, ctypes.byref(options))
        assert status in (OK, UNSUPPORTED)
        return self if status == OK else None

    def __del__(self):
        LIB.otr_decoder_destroy(self.handle)

    def decode(self, shots):
        """Predictions and natural weights of rows of packed bits."""
        predictions = np.zeros((len(shots), (self.graph.observables + 7) // 8), dtype=np.uint8)
        weights = np.zeros(len(shots), dtype=np.int64)
        failed = ctypes.c_size_t()
        status = LIB.otr_decoder_decode_batch(
            *(self.handle, shots.ctypes.data, shots.shape[1], len(shots)),
            *(predictions.ctypes.data, predictions.shape[1], weights.ctypes.data, ctypes.byref(failed)),
        )
        if status != OK:
            raise OutriderError(status, f"shot {failed.value}")
        return predictions, weights / self.graph.scale

    def refuses(self, shot):
        try:
            self.decode(shot.reshape(1, -1))
        except OutriderError as error:
            assert error.args[0] == ODD_PARITY, error
            return True
        return False


def spell(target):
    if target == SEPARATOR:
        return "^"
    return f"L{target - OBSERVABLE}" if target >= OBSERVABLE else f"D{target}"


def unpack(rows, bits):
    return np.unpackbits(rows, axis=1, count=bits, bitorder="little")


# Models.


def code_model(rng):
    """A surface or repetition code of any size, with its noise in all or some places."""
    task = rng.choice(
        [f"surface_code:{shape}_memory_{basis}" for shape in ("rotated", "unrotated") for basis in "xz"]
        + ["repetition_code:memory"]
    )
    places = ["after_clifford_depolarization", "before_round_data_depolarization"]
    places += ["before_measure_flip_probability", "after_reset_flip_probability"]
    strength = 10 ** rng.uniform(-3, -1.5)
    noise = {place: strength * rng.uniform(0.2, 2) for place in places if rng.random() < 0.8}
    circuit = stim.Circuit.generated(
        task,
        distance=rng.randint(2, 5 if "unrotated" in task else 7),
        rounds=rng.randint(1, 6),
        **noise or {places[0]: strength},
    )
    return str(circuit.detector_error_model(decompose_errors=True, flatten_loops=rng.random() < 0.5))


def torus_model(rng):
    """A toric code seen for several rounds: no boundary anywhere."""
    size, rounds, p, q = rng.randint(2, 6), rng.randint(1, 5), 10 ** rng.uniform(-2.5, -1), 10 ** rng.uniform(-2.5, -1)
    lines = []

    def detector(x, y, t):
        return f"D{(t * size + y % size) * size + x % size}"

    for t in range(rounds):
        for y in range(size):
            for x in range(size):
                here = detector(x, y, t)
                lines.append(f"error({p}) {here} {detector(x + 1, y, t)}" + (" L0" if x == 0 else ""))
                lines.append(f"error({p}) {here} {detector(x, y + 1, t)}" + (" L1" if y == 0 else ""))
                if t + 1 < rounds:
                    lines.append(f"error({q}) {here} {detector(x, y, t + 1)}")
    return "\n".join(lines)


def odd_model(rng, correlated):
    """Random components in every dress that the grammar has. With `correlated`, what correlations allow."""
    detectors, observables = rng.randint(2, 30), rng.choice([1, 3, 8, 64, 65, 130])
    lines = []

    def component():
        targets = [f"D{d}" for d in rng.sample(range(detectors), rng.choice([1, 2, 2, 2]))]
        targets += [f"L{rng.randrange(observables)}" for _ in range(rng.choice([0, 0, 1, 2]))]
        if rng.random() < 0.1:
            targets += [rng.choice(targets + ["D0", "L0"])] * 2
        rng.shuffle(targets)
        return " ".join(targets)

    def error():
        p = 10 ** rng.uniform(-3, -0.7)
        if rng.random() < 0.1:
            p = rng.choice([0, 0.5, 0.25] if correlated else [0, 0.5, 0.75, 0.9, 0.6])
        tag = rng.choice(["", "", "", "[a tag]", "[\\C\\B]", "[]"])
        name = rng.choice(["error", "error", "ERROR", "Error"])
        parts = [component() for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        if not correlated and rng.random() < 0.05:
            parts = rng.choice([[""], ["L0"], parts + ["L0 D0 D0"]])
        return f"{name}{tag}({p!r}) {' ^ '.join(parts)}" + rng.choice(["", "", "  # a comment"])

    def block(depth):
        for _ in range(rng.randint(1, 12)):
            indent = "  " * depth
            lines.append(indent + error())
            if rng.random() < 0.1:
                lines.append(f"{indent}detector({rng.randint(-3, 3)}, {rng.random()}) D{rng.randrange(detectors)}")
            if rng.random() < 0.1:
                lines.append(f"{indent}shift_detectors(0.5, {rng.randint(0, 3)}) {rng.randint(0, detectors)}")
            if rng.random() < 0.05:
                lines.append("")
            if depth < 3 and rng.random() < 0.1:
                lines.append(f"{indent}repeat {rng.randint(1, 4)} {{")
                block(depth + 1)
                lines.append(indent + "}")

    for _ in range(rng.randint(1, 6)):
        block(0)
    lines.append(f"logical_observable L{observables - 1}")
    return "\n".join(lines)


def without_ties(text, rng):
    """Gives every component an error of its own, and none weight 0, so that no two matchings weigh the same."""
    changed = stim.DetectorErrorModel()
    for instruction in stim.DetectorErrorModel(text).flattened():
        if instruction.type != "error":
            changed.append(instruction)
            continue
        p = 0.9 * instruction.args_copy()[0]
        changed.append("error", p, instruction.targets_copy())
        for group in instruction.target_groups():
            changed.append("error", p * rng.uniform(0.05, 0.5) + 1e-5, group)
    return str(changed)


def cancelled(model):
    """The flat model without what is there twice: PyMatching does not look for repeated targets in a component."""
    changed = stim.DetectorErrorModel()
    for instruction in model.flattened():
        if instruction.type != "error":
            changed.append(instruction)
            continue
        targets = []
        for group in instruction.target_groups():
            kept = [t for t in dict.fromkeys(group) if group.count(t) % 2 == 1]
            if kept:
                targets += [stim.target_separator()] * bool(targets) + kept
        if targets:
            changed.append("error", instruction.args_copy(), targets)
    if model.num_detectors > 0:
        changed.append("detector", [], [stim.target_relative_detector_id(model.num_detectors - 1)])
    if model.num_observables > 0:
        changed.append("logical_observable", [], [stim.target_logical_observable_id(model.num_observables - 1)])
    return changed


# Comparisons.


def compare_model(model, theirs):
    assert stim.DetectorErrorModel(model.text()) == theirs, "the printed model differs from Stim's"
    expected = [
        (i.type, i.args_copy(), ["^" if str(t) == "^" else str(t) for t in i.targets_copy()]) for i in theirs.flattened()
    ]
    found = list(model.flat())
    assert len(found) == len(expected), f"{len(found)} flat instructions, not {len(expected)}"
    for ours, stims in zip(found, expected):
        assert ours == stims, f"{ours} is not {stims}"


def compare_graph(graph, matching):
    ours = graph.edges()
    theirs = {}
    for node1, node2, edge in matching.edges():
        nodes = (node1, None) if node2 is None else tuple(sorted((node1, node2)))
        theirs[nodes] = edge["error_probability"], edge["weight"], edge["fault_ids"]
    assert ours.keys() == theirs.keys(), f"edges differ: {sorted(ours.keys() ^ theirs.keys(), key=str)[:4]}"
    for nodes, (p, weight, observables) in theirs.items():
        q, natural, flips = ours[nodes]
        assert abs(q - p) <= 1e-9 * p, f"edge {nodes} has probability {q}, not {p}"
        assert abs(natural - weight) <= 1.01 / graph.scale, f"edge {nodes} weighs {natural}, not {weight}"
        assert flips == observables, f"edge {nodes} flips {flips}, not {observables}"


def weights_differ(ours, theirs):
    return np.abs(ours - theirs) > WEIGHT_TOLERANCE * np.maximum(1, np.abs(theirs))


def count_distinct(shots, which):
    """Equal shots, of which small models have many, count once."""
    return len(np.unique(shots[which], axis=0))


def compare_plain(graph, matching, shots, ties):
    expected, expected_weights = matching.decode_batch(
        shots, return_weights=True, bit_packed_shots=True, bit_packed_predictions=True
    )
    predictions, weights = graph.decoder(MWPM).decode(shots)
    wrong = np.flatnonzero(weights_differ(weights, expected_weights))
    assert len(wrong) == 0, f"plain weights differ on shots {wrong[:5]}"
    # Where weights agree, predictions may differ by a tie only.
    different = count_distinct(shots, np.any(predictions != expected, axis=1))
    assert ties or different <= ROUNDING_TIES_MAX, f"{different} predictions differ without a tie"
    for isa in (PORTABLE, AVX2, AVX512, AVX512VNNI):
        decoder = graph.decoder(MWPM, isa)
        if decoder is not None:
            again, again_weights = decoder.decode(shots)
            assert np.array_equal(again, predictions) and np.array_equal(again_weights, weights), f"isa {isa} differs"
    _, cluster_weights = graph.decoder(UNION_FIND).decode(shots)
    assert np.all(cluster_weights >= weights - WEIGHT_TOLERANCE), "union-find is lighter than the minimum"
    return different


def compare_correlated(graph, matching, shots, actual, ties):
    try:
        expected, expected_weights = matching.decode_batch(
            shots, return_weights=True, bit_packed_shots=True, bit_packed_predictions=True, enable_correlations=True
        )
    except ValueError as refusal:
        # Errors of probability 1/2 can merge to an edge just above it, whose weight PyMatching does not lower.
        assert "change the sign of an edge weight" in str(refusal)
        none = np.zeros(len(shots), dtype=bool)
        return none, none
    predictions, weights = graph.decoder(CORRELATED).decode(shots)
    if not ties:
        sure = graph.sure_edges()
        # To keep a sure edge, an answer may weigh one step of rounding more.
        excess = weights - expected_weights
        priced = (excess > 0) & (excess <= sure * STEP / graph.scale + WEIGHT_TOLERANCE)
        wrong = np.flatnonzero(weights_differ(weights, expected_weights) & ~priced)
        assert count_distinct(shots, wrong) <= ROUNDING_TIES_MAX, f"correlated weights differ on shots {wrong[:5]}"
        different = count_distinct(shots, np.any(predictions != expected, axis=1))
        tied = different <= ROUNDING_TIES_MAX or sure > 0
        assert tied, f"{different} correlated predictions differ without a tie"
    return np.any(predictions != actual, axis=1), np.any(expected != actual, axis=1)


def compare_refusals(graph, matching, rng, count):
    """Random events, many of them impossible."""
    decoder = graph.decoder(MWPM)
    refused = 0
    for _ in range(count):
        bits = np.zeros(graph.nodes, dtype=np.uint8)
        bits[rng.sample(range(graph.nodes), min(graph.nodes, rng.randint(0, 6)))] = 1
        ours = decoder.refuses(np.packbits(bits, bitorder="little"))
        try:
            matching.decode(bits)
            theirs = False
        except ValueError:
            theirs = True
        assert ours == theirs, f"events {np.flatnonzero(bits)}: refused by {'us' if ours else 'PyMatching'} only"
        refused += ours
    return refused


class Totals:
    """What was compared, for the closing line."""

    def __init__(self):
        self.shots = self.tied = self.refused = self.ours_only = self.theirs_only = self.correlated = 0

    def compare(self, text, rng, shots, correlated, ties, code):
        theirs = stim.DetectorErrorModel(text)
        model = Model(text)
        compare_model(model, theirs)
        theirs = cancelled(theirs)
        detectors, actual, _ = theirs.compile_sampler(seed=rng.getrandbits(32)).sample(shots, bit_packed=True)
        graph = Graph(model, correlations=False)
        ties = ties or graph.has_free_edges()
        matching = pymatching.Matching.from_detector_error_model(theirs)
        compare_graph(graph, matching)
        self.tied += compare_plain(graph, matching, detectors, ties)
        self.refused += compare_refusals(graph, matching, rng, 50)
        self.shots += shots
        if correlated:
            graph = Graph(model, correlations=True)
            matching = pymatching.Matching.from_detector_error_model(theirs, enable_correlations=True)
            failed, their_failed = compare_correlated(graph, matching, detectors, actual, ties)
            self.correlated += shots
            if code:
                self.ours_only += int(np.count_nonzero(failed & ~their_failed))
                self.theirs_only += int(np.count_nonzero(their_failed & ~failed))

    def finish(self):
        """McNemar's test: where only one of the two fails, it is ours no more often than PyMatching."""
        assert self.refused > 0, "no shot without a matching was tried"
        discordant = self.ours_only + self.theirs_only
        excess = self.ours_only - self.theirs_only
        assert excess <= 4 * math.sqrt(discordant), f"correlated fails {self.ours_only}, PyMatching {self.theirs_only}"
        print(f"{self.shots} shots plain: equal weights, {self.tied} distinct shots differ by ties, all proven minimal")
        print(f"{self.correlated} shots correlated: on codes {self.ours_only} fail only here, {self.theirs_only} only there")
        print(f"{self.refused} shots without a matching refused by both")


def compare_sampling(shots):
    """Rates of every detector and observable, and of neighbours differing, within 5 sigma; models never change."""
    rng = random.Random(0)
    texts = [code_model(rng) for _ in range(4)] + [torus_model(rng)] + [odd_model(rng, False) for _ in range(10)]
    rates = 0
    for text in texts:
        ours = Model(text).sample(shots, seed=7)
        sampler = stim.DetectorErrorModel(text).compile_sampler(seed=7)
        theirs = np.hstack(sampler.sample(shots)[:2]).astype(np.uint8)
        assert ours.shape == theirs.shape
        pairs = [(bits, np.bitwise_xor(bits[:, 1:], bits[:, :-1])) for bits in (ours, theirs)]
        for mine, other in zip(*pairs):
            a, b = mine.mean(axis=0), other.mean(axis=0)
            pooled = (a + b) / 2
            sigma = np.sqrt(2 * pooled * (1 - pooled) / shots)
            assert np.all(np.abs(a - b) <= 5 * sigma + 1e-12), f"rates differ: {a} {b}\n{text}"
            rates += len(a)
    print(f"{rates} sampled rates agree with Stim's")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--models", type=int, default=30, help="models of each sort")
    parser.add_argument("--shots", type=int, default=2000, help="shots of each model")
    arguments = parser.parse_args()
    print(f"Stim {stim.__version__}, PyMatching {pymatching.__version__}, --seed {arguments.seed}", flush=True)
    totals = Totals()
    # Maker; for correlated matching too; with ties; a code, whose failures are compared.
    sorts = [
        (code_model, True, True, True),
        (lambda rng: without_ties(code_model(rng), rng), True, False, True),
        (torus_model, True, True, True),
        (lambda rng: odd_model(rng, True), True, True, False),
        (lambda rng: without_ties(odd_model(rng, True), rng), True, False, False),
        (lambda rng: odd_model(rng, False), False, True, False),
    ]
    for sort, (make, correlated, ties, code) in enumerate(sorts):
        for number in range(arguments.models):
            rng = random.Random(f"{arguments.seed} {sort} {number}")
            text = make(rng)
            try:
                totals.compare(text, rng, arguments.shots, correlated, ties, code)
            except (AssertionError, OutriderError, ValueError):
                print(f"{text}\n^ model {number} of sort {sort}, --seed {arguments.seed}")
                raise
    totals.finish()
    compare_sampling(40_000)


if __name__ == "__main__":
    main()
