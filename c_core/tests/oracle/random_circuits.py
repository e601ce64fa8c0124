"""Random Stim circuits of all gates, with detectors and observables that noise-free runs fix.

    from random_circuits import feedback_circuit, gate_lines, random_circuit
"""

import stim

QUBITS = 6
SWEEPS = 5


def gate_lines():
    """Makers of random instructions, one for each of Stim's gates."""
    makers = []
    for name, data in stim.gate_data().items():
        if name not in ("REPEAT", "DETECTOR", "OBSERVABLE_INCLUDE", "ELSE_CORRELATED_ERROR"):
            makers.append(lambda rng, data=data: f"{spelled(rng, data)}{arguments(data)} {targets(rng, data)}")
    return makers


def spelled(rng, data):
    """One of the gate's names, in either case."""
    name = rng.choice(data.aliases)
    return rng.choice([name, name.lower()])


def arguments(data):
    most = max(data.num_parens_arguments_range)
    if data.name == "SHIFT_COORDS":
        return "(1, 0.5)"
    return f"({', '.join(['0.01'] * min(most, 15))})" if data.is_noisy_gate and most else ""


def targets(rng, data):
    if data.name in ("TICK", "SHIFT_COORDS"):
        return ""
    if data.name == "MPAD":
        return f"{rng.randrange(2)} {rng.randrange(2)}"
    if data.takes_pauli_targets:
        return product(rng, data.produces_measurements)
    return pairs(rng, data) if data.is_two_qubit_gate else singles(rng, data)


def bang(rng, allowed):
    return "!" * (allowed and rng.random() < 0.3)


def singles(rng, data):
    inverted = data.produces_measurements and not data.name.startswith("HERALDED")
    return " ".join(f"{bang(rng, inverted)}{q}" for q in rng.choices(range(QUBITS), k=rng.randint(1, 4)))


def pairs(rng, data):
    chosen = rng.sample(range(QUBITS), 2 * rng.randint(1, QUBITS // 2))
    return " ".join(f"{bang(rng, data.produces_measurements)}{q}" for q in chosen)


def product(rng, inverted):
    groups = []
    for _ in range(rng.randint(1, 2)):
        qubits = rng.sample(range(QUBITS), rng.randint(1, 4))
        factors = [f"{bang(rng, inverted)}{rng.choice('XYZ')}{q}" for q in qubits]
        if rng.random() < 0.2:
            factors += rng.sample(factors, 1) * 2
        groups.append("*".join(factors))
    return " ".join(groups)


def control(rng, measured):
    """A Pauli controlled by a sweep bit or a result."""
    bits = [f"sweep[{rng.randrange(SWEEPS)}]"]
    if measured:
        bits.append(f"rec[-{rng.randint(1, measured)}]")
    bit, qubit = rng.choice(bits), rng.randrange(QUBITS)
    if rng.random() < 0.5:
        return f"{rng.choice(['CX', 'CY', 'CZ', 'ZCX', 'ZCY'])} {bit} {qubit}"
    return f"{rng.choice(['XCZ', 'YCZ', 'CZ'])} {qubit} {bit}"


def parities(lines, rng):
    """Some parities that noise-free runs of the lines fix: sets of absolute measurement indices.

    Stim's list of them goes wrong where an instruction measures a qubit twice, so its analysis is asked again.
    """
    circuit = stim.Circuit("\n".join(lines))
    basis = [
        {circuit.num_measurements + t.value for t in detector.targets_copy()}
        for detector in circuit.missing_detectors(unknown_input=False)
    ]
    chosen = []
    for _ in range(min(len(basis), 8)):
        parity = set()
        for other in rng.sample(basis, rng.randint(1, min(3, len(basis)))):
            parity ^= other
        records = " ".join(f"rec[{m - circuit.num_measurements}]" for m in parity)
        if not is_random("\n".join([*lines, f"DETECTOR {records}"])):
            chosen.append(parity)
    return chosen


def with_parities(lines, rng):
    """The lines with detectors and observables among them, each anywhere behind what it reads."""
    measured = [0]
    for line in lines:
        measured.append(measured[-1] + stim.Circuit(line).num_measurements)
    insertions = {}
    for parity in parities(lines, rng):
        first = next(i for i, count in enumerate(measured) if count > max(parity, default=-1))
        place = rng.randint(first, len(lines))
        records = " ".join(f"rec[-{measured[place] - m}]" for m in parity)
        name = f"OBSERVABLE_INCLUDE({rng.randrange(3)})" if rng.random() < 0.3 else f"DETECTOR({place}, -1, 0.25)"
        insertions.setdefault(place, []).append(f"{name} {records}")
    out = []
    for place in range(len(lines) + 1):
        out += insertions.get(place, [])
        out += lines[place : place + 1]
    return out


def random_lines(rng, makers, length):
    lines, measured = [], 0
    for _ in range(length):
        line = rng.choice(makers)(rng) if rng.random() < 0.8 else control(rng, measured)
        measured += stim.Circuit(line).num_measurements
        lines.append(line)
    return lines


def random_circuit(rng, makers):
    """Random gates, and now and then a block that begins afresh so that its parities are fixed in every iteration."""
    lines = random_lines(rng, makers, rng.randint(1, 40))
    if rng.random() < 0.5:
        reset = f"R {' '.join(map(str, range(QUBITS)))}"
        body = with_parities([reset, *random_lines(rng, makers, rng.randint(1, 12))], rng)
        block = "\n".join([f"REPEAT {rng.randint(1, 5)} {{", *body, "}"])
        lines.insert(rng.randrange(len(lines) + 1), block)
        if rng.random() < 0.5:
            lines = ["\n".join([f"REPEAT {rng.randint(1, 3)} {{", *lines, "}"])]
    return "\n".join(with_parities(lines, rng))


def feedback_lines(rng, measured, length):
    """Gates of which many are feedback, and how many results there are behind them."""
    lines = []
    for _ in range(length):
        first, second = rng.sample(range(QUBITS), 2)
        kind = rng.random()
        if kind < 0.3:
            lines.append(f"{rng.choice(['CX', 'CZ', 'CY', 'SWAP'])} {first} {second}")
        elif kind < 0.45:
            lines.append(f"{rng.choice('HSXY')} {first}")
        elif kind < 0.65:
            lines.append(rng.choice([f"M {first}", f"MR !{first}", f"MX {first}", f"MZZ {first} !{second}", "MPAD 1"]))
            measured += 1
        else:
            lines.append(control(rng, measured))
    return lines, measured


def feedback_circuit(rng):
    """Nested blocks with feedback on results of any earlier iteration, and parities at their end."""
    before, measured = feedback_lines(rng, 1, 4)
    body, measured = feedback_lines(rng, measured, rng.randint(2, 8))
    inner, _ = feedback_lines(rng, measured, 3)
    nested = [f"REPEAT {rng.randint(1, 3)} {{", *inner, "}"]
    block = "\n".join([f"REPEAT {rng.randint(1, 5)} {{", *body, *nested, "}"])
    lines = ["M 0", *before, block]
    lines += feedback_lines(rng, stim.Circuit("\n".join(lines)).num_measurements, 3)[0]
    total = stim.Circuit("\n".join(lines)).num_measurements
    declared = []
    for index, parity in enumerate(parities(lines, rng)):
        name = f"OBSERVABLE_INCLUDE({index % 2})" if index % 3 == 2 else "DETECTOR"
        declared.append(" ".join([name, *(f"rec[-{total - m}]" for m in parity)]))
    return "\n".join([*lines, *declared])


def is_random(text):
    try:
        stim.Circuit(text).detector_error_model(approximate_disjoint_errors=True)
        return False
    except ValueError as error:
        assert "non-deterministic" in str(error), error
        return True
