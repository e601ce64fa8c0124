"""Compares our surface-code circuits and error models with Stim's, over sizes, rounds, bases, families and noise.

    python c_core/tests/oracle/surface_code.py [--seed S] [--cases N]

Needs stim. Circuits of the STIM family must equal those of Stim's generator; the error model of every circuit must
equal Stim's analysis of its text: same mechanisms with the same decomposition, probabilities within 1e-9 relative,
same detector coordinates. Folded models must equal flat ones. The code's distance is the length of the patch across
the measured logical operator.
"""

import argparse
import ctypes
import itertools
import random

import stim

from otr_ctypes import STIM_NOISE, Error, NoisePaper, NoiseStim, SurfaceOptions, check, library, text_of

STIM, PAPER, PAPER_PUBLISHED = range(3)
X, Z = range(2)

LIB = library()
LIB.otr_noise_paper_uniform.restype = NoisePaper
LIB.otr_noise_paper_uniform.argtypes = [ctypes.c_double]
LIB.otr_surface_model.argtypes = [
    ctypes.c_void_p,
    ctypes.c_bool,
    ctypes.POINTER(ctypes.c_void_p),
    ctypes.POINTER(Error),
]


class Surface:
    """otr_surface: the texts it writes."""

    def __init__(self, **options):
        self.error = Error()
        self.handle = ctypes.c_void_p()
        options.setdefault("orientation", 1)
        packed = SurfaceOptions(**options)
        check(LIB.otr_surface_create(ctypes.byref(self.handle), ctypes.byref(packed), ctypes.byref(self.error)), self.error)

    def __del__(self):
        LIB.otr_surface_destroy(self.handle)

    def circuit_text(self):
        return text_of(LIB.otr_surface_circuit_text, self.handle)

    def model_text(self, folded):
        model = ctypes.c_void_p()
        check(LIB.otr_surface_model(self.handle, folded, ctypes.byref(model), ctypes.byref(self.error)), self.error)
        text = text_of(LIB.otr_model_text, model)
        LIB.otr_model_destroy(model)
        return text


def mechanisms(model):
    """Decomposed targets -> probability, and detector -> coordinates, of a flattened model."""
    errors, coordinates = {}, {}
    for instruction in model.flattened():
        if instruction.type == "error":
            groups = tuple(tuple(str(t) for t in group) for group in instruction.target_groups())
            key = tuple(sorted(tuple(sorted(g)) for g in groups))
            p, q = errors.get(key, 0.0), instruction.args_copy()[0]
            errors[key] = p * (1 - q) + q * (1 - p)
        elif instruction.type == "detector":
            coordinates[instruction.targets_copy()[0].val] = instruction.args_copy()
    return errors, coordinates


def assert_same_model(ours, theirs, label):
    our_errors, our_coordinates = mechanisms(ours)
    their_errors, their_coordinates = mechanisms(theirs)
    assert our_coordinates == their_coordinates, f"{label}: detector coordinates differ"
    missing, extra = their_errors.keys() - our_errors.keys(), our_errors.keys() - their_errors.keys()
    assert not missing and not extra, f"{label}: missing {sorted(missing)[:3]}, extra {sorted(extra)[:3]}"
    for key, p in their_errors.items():
        assert abs(our_errors[key] - p) <= 1e-9 * p, f"{label}: {key} has {our_errors[key]!r}, not {p!r}"
    assert ours.num_observables == theirs.num_observables == 1, label
    assert not any(len(key) == 1 and all(t[0] == "L" for t in key[0]) for key in their_errors), f"{label}: undetected"


def check_case(label, **options):
    surface = Surface(**options)
    text = surface.circuit_text()
    circuit = stim.Circuit(text)
    if options["family"] == STIM and options["width"] == options["height"]:
        noise = options["noise_stim"]
        expected = stim.Circuit.generated(
            f"surface_code:rotated_memory_{'xz'[options['basis']]}",
            distance=options["width"],
            rounds=options["rounds"],
            **{name: getattr(noise, name) for name in STIM_NOISE},
        )
        assert circuit == expected, f"{label}: circuit differs from Stim's"
    theirs = circuit.detector_error_model(decompose_errors=True, approximate_disjoint_errors=True)
    assert LIB.otr_surface_detector_count(surface.handle) == circuit.num_detectors, label
    assert_same_model(stim.DetectorErrorModel(surface.model_text(0)), theirs, f"{label} flat")
    folded = surface.model_text(1)
    assert ("repeat" in folded) == (options["rounds"] >= 8), label
    assert_same_model(stim.DetectorErrorModel(folded), theirs, f"{label} folded")


def check_distance(family, basis, width, height, orientation):
    surface = Surface(
        family=family,
        basis=basis,
        width=width,
        height=height,
        rounds=3,
        orientation=orientation,
        noise_stim=NoiseStim(*[0.001] * 4),
        noise_paper=LIB.otr_noise_paper_uniform(0.001),
    )
    model = stim.DetectorErrorModel(surface.model_text(0))
    x_is_row = family != STIM and orientation in (1, 4)
    expected = height if (basis == X) == x_is_row else width
    found = len(model.shortest_graphlike_error())
    assert found == expected, f"{family} {basis} {width}x{height} O{orientation}: distance {found}, not {expected}"


def random_probability(rng):
    """Zero, ordinary or large."""
    return rng.choice([0.0, 0.0, 10 ** rng.uniform(-4, -1.5), rng.uniform(0, 0.1)])


def random_noise_stim(rng):
    return NoiseStim(*(random_probability(rng) for _ in STIM_NOISE))


def random_noise_paper(rng):
    if rng.random() < 0.3:
        return LIB.otr_noise_paper_uniform(10 ** rng.uniform(-4, -1))
    noise = NoisePaper(*(random_probability(rng) for _ in range(4)))
    for channel in (noise.idle_cnot, noise.idle_spam):
        channel[:] = [random_probability(rng) for _ in channel]
    noise.cnot[:] = [random_probability(rng) / 4 for _ in noise.cnot]
    return noise


def stim_cases(rng):
    for size, rounds, basis in itertools.product(range(2, 8), range(1, 7), (X, Z)):
        yield dict(family=STIM, width=size, height=size, rounds=rounds, basis=basis, noise_stim=NoiseStim(*[0.001] * 4))
        yield dict(family=STIM, width=size, height=size, rounds=rounds, basis=basis, noise_stim=random_noise_stim(rng))
    for mask, basis in itertools.product(range(16), (X, Z)):
        noise = NoiseStim(*(0.01 * (mask >> i & 1) for i in range(4)))
        yield dict(family=STIM, width=3, height=3, rounds=rng.randint(1, 9), basis=basis, noise_stim=noise)


def extreme_cases():
    """Complete mixing, certain errors, and channels on the edge of having an independent equivalent."""
    thirds = (1 / 3,) * 3
    channels = (
        (1, 0, 0), (0.25, 0.25, 0.25), (0.24, 0.25, 0.25), (0.5, 0.25, 0.25), (0.5, 0.5, 0), (0.3, 0.3, 0.4),
        (0.3, 0.3, 0.3), (0.4, 0.4, 0.1), (0.1, 0.2, 0), (0.05, 0.05, 0.0025), (0.49, 0, 0), thirds,
    )  # fmt: skip
    for channel, name in itertools.product(channels, ("idle_cnot", "idle_spam")):
        noise = LIB.otr_noise_paper_uniform(0.01)
        getattr(noise, name)[:] = channel
        yield dict(family=PAPER, width=3, height=3, rounds=3, basis=X, noise_paper=noise)
    for values in ((0.75, 0, 0, 0), (0, 0.75, 0, 0), (0.7, 0.7, 0.9, 1), (0, 0, 1, 1)):
        yield dict(family=STIM, width=3, height=3, rounds=3, basis=X, noise_stim=NoiseStim(*values))


def random_case(rng):
    family = rng.choice((STIM, PAPER, PAPER_PUBLISHED))
    return dict(
        family=family,
        basis=rng.choice((X, Z)),
        width=rng.randint(2, 7),
        height=rng.randint(2, 7),
        rounds=rng.choice((rng.randint(1 if family == STIM else 2, 6), rng.randint(7, 11))),
        orientation=1 if family == STIM else rng.randint(1, 4),
        noise_stim=random_noise_stim(rng),
        noise_paper=random_noise_paper(rng),
    )


def paper_cases():
    for size, rounds, basis, orientation, family in itertools.product(
        (2, 3, 4, 5), (2, 3, 4, 9), (X, Z), (1, 2, 3, 4), (PAPER, PAPER_PUBLISHED)
    ):
        yield dict(
            family=family,
            width=size,
            height=size,
            rounds=rounds,
            basis=basis,
            orientation=orientation,
            noise_paper=LIB.otr_noise_paper_uniform(0.003),
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=300, help="random cases besides the grids")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    sizes = ((2, 2), (3, 3), (4, 4), (3, 5), (5, 3), (2, 4), (4, 3))
    for (width, height), basis in itertools.product(sizes, (X, Z)):
        check_distance(STIM, basis, width, height, 1)
        for orientation in range(1, 5):
            check_distance(PAPER, basis, width, height, orientation)
    random_cases = (random_case(rng) for _ in range(arguments.cases))
    cases = itertools.chain(stim_cases(rng), paper_cases(), extreme_cases(), random_cases)
    count = 0
    for count, options in enumerate(cases, 1):
        shown = {k: v for k, v in options.items() if not k.startswith("noise")}
        check_case(str(shown), **options)
    print(f"{count} circuits and their models agree with Stim {stim.__version__}")


if __name__ == "__main__":
    main()
