"""Makes the golden files of this folder with Stim and PyMatching:

    pip install stim==1.16.0 pymatching==2.4.0
    python make_golden.py

NAME.dem       a model: written by hand (nested, negative) or by Stim from a generated circuit (the others)
NAME.flat.dem  Stim's flattening of it
NAME.graph     PyMatching's edges of it, and implied weights computed naively below, because PyMatching does not show
               them; check_rules compares that computation with PyMatching's correlated decoding
"""

import math
import pathlib

import pymatching
import stim

FOLDER = pathlib.Path(__file__).parent
HAND_WRITTEN = {"nested": True, "negative": False}
GENERATED = {
    "surface_x_d3": ("surface_code:rotated_memory_x", 3, 6),
    "surface_z_d4": ("surface_code:rotated_memory_z", 4, 2),
    "repetition_d5": ("repetition_code:memory", 5, 40),
}


def generated_model(task, distance, rounds):
    circuit = stim.Circuit.generated(
        task,
        distance=distance,
        rounds=rounds,
        after_clifford_depolarization=0.004,
        before_round_data_depolarization=0.003,
        before_measure_flip_probability=0.01,
        after_reset_flip_probability=0.002,
    )
    return circuit.detector_error_model(decompose_errors=True, flatten_loops=False)


def xor(p, q):
    return p * (1 - q) + q * (1 - p)


def implied_weights(model):
    """edge -> other edge -> ln((1-q)/q), an edge being its sorted detectors."""
    joint = {}
    for instruction in model.flattened():
        if instruction.type != "error" or instruction.args_copy()[0] == 0:
            continue
        (p,) = instruction.args_copy()
        components = [
            tuple(sorted(t.val for t in group if t.is_relative_detector_id())) for group in instruction.target_groups()
        ]
        for a in components:
            for b in components:
                row = joint.setdefault(a, {})
                row[b] = xor(row.get(b, 0), p)
    rules = {}
    for a, row in joint.items():
        for b, probability in row.items():
            if a != b:
                q = min(0.5, probability / row[a])
                rules.setdefault(a, {})[b] = math.log((1 - q) / q)
    return rules


def check_rules():
    """Two edges to the boundary that one error flips together: the second pass sees both implied weights."""
    together = ["error(0.1) D0 ^ D1", "error(0.01) D0 ^ D1", "error(0.3) D0 ^ D1", "error(0.01) D0 ^ D0 ^ D1"]
    for line, p0, p1 in zip(together, [0.02, 0.2, 0.4, 0.003], [0.03, 0.001, 0.01, 0.2]):
        model = stim.DetectorErrorModel(f"{line}\nerror({p0}) D0\nerror({p1}) D1\nerror(1e-4) D2 D3")
        matching = pymatching.Matching.from_detector_error_model(model, enable_correlations=True)
        own = {(edge[0],): edge[2]["weight"] for edge in matching.edges()}
        rules = implied_weights(model)
        expected = min(own[(0,)], rules[(1,)][(0,)]) + min(own[(1,)], rules[(0,)][(1,)])
        _, weight = matching.decode([1, 1, 0, 0], return_weight=True, enable_correlations=True)
        assert abs(weight - expected) < 1e-5, (weight, expected)


def graph_lines(model, correlations):
    matching = pymatching.Matching.from_detector_error_model(model, enable_correlations=correlations)
    rules = implied_weights(model) if correlations else {}
    yield f"# made by make_golden.py: stim {stim.__version__}, pymatching {pymatching.__version__}"
    yield f"graph {matching.num_detectors} {matching.num_fault_ids} {int(correlations)}"
    for node1, node2, data in matching.edges():
        nodes = (node1,) if node2 is None else tuple(sorted((node1, node2)))
        observables = ",".join(map(str, sorted(data["fault_ids"])))
        yield f"edge {name(nodes)} {data['error_probability']!r} {data['weight']!r} {observables}"
        for other, weight in sorted(rules.get(nodes, {}).items()):
            yield f"rule {name(nodes)} {name(other)} {weight!r}"


def name(nodes):
    return f"{nodes[0]}-{nodes[1]}" if len(nodes) == 2 else f"{nodes[0]}-B"


def main():
    check_rules()
    models = {name: stim.DetectorErrorModel.from_file(FOLDER / f"{name}.dem") for name in HAND_WRITTEN}
    for case, arguments in GENERATED.items():
        models[case] = generated_model(*arguments)
        (FOLDER / f"{case}.dem").write_text(f"{models[case]}\n")
    for case, model in models.items():
        (FOLDER / f"{case}.flat.dem").write_text(f"{model.flattened()}\n")
        lines = graph_lines(model, correlations=HAND_WRITTEN.get(case, True))
        (FOLDER / f"{case}.graph").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
