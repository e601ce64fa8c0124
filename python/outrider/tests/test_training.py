"""What training needs: truth, coordinates, batches, layers and gaps, against plain NumPy."""

import numpy as np
import pytest

import outrider

GEOMETRY = {
    "pitch": (2, 2, 1),
    "kind_rule": (1, 1, 0),
    "transposed": [False, True],
    "sets": [0, 0],
    "radius": 2,
}
WIDTH = 16


@pytest.fixture(scope="module")
def model():
    return outrider.SurfaceCode(3, 3, 0.01, basis="x").model()


@pytest.fixture(scope="module")
def graph(model):
    return outrider.MatchingGraph(model)


@pytest.fixture(scope="module")
def slots(model, graph):
    """Every offset that an edge has, seen from its ends, in their frames; and the boundary."""
    sites = (model.detector_coordinates() / GEOMETRY["pitch"]).astype(int)
    found = {(0, 0, 0, True)}
    for a, b in graph.edge_nodes():
        for own, other in [(a, b), (b, a)] if b >= 0 else []:
            dx, dy, dt = (sites[other] - sites[own]).tolist()
            is_transposed = sites[own][:2].sum() % 2 == 1
            found.add((dy, dx, dt, False) if is_transposed else (dx, dy, dt, False))
    return [sorted(found)]


@pytest.fixture
def training(graph, model, slots):
    return outrider.Training(graph, model, **GEOMETRY, slots=slots, offset=2.5)


@pytest.fixture(scope="module")
def shots(model, graph):
    return outrider.Sampler(model, seed=3, graph=graph).sample(200, bit_packed=True, return_edges=True)


def test_flipped_edges_explain_the_detectors(model, graph):
    sampler = outrider.Sampler(model, seed=1, graph=graph)
    detectors, observables, errors, edges = sampler.sample(300, return_errors=True, return_edges=True)
    ends = np.zeros((graph.num_edges, graph.num_detectors + 1), np.int64)
    for index, nodes in enumerate(graph.edge_nodes()):
        np.add.at(ends[index], nodes, 1)
    assert (edges @ ends[:, :-1] % 2 == detectors).all()
    assert errors.shape == (300, model.num_errors)
    plain = outrider.Sampler(model, seed=1).sample(300)
    assert (plain[0] == detectors).all() and (plain[1] == observables).all()
    with pytest.raises(ValueError, match="return_edges: the sampler was made without a graph"):
        outrider.Sampler(model).sample(1, return_edges=True)


def test_coordinates():
    model = outrider.Model("detector(1, 2) D0\ndetector(3, 4, 5, 6) D2\nerror(0.1) D3")
    nan = np.nan
    expected = [[1, 2, nan, nan], [nan] * 4, [3, 4, 5, 6], [nan] * 4]
    assert np.array_equal(model.detector_coordinates(), expected, equal_nan=True)
    assert outrider.Model("error(0.1) D0").detector_coordinates().shape == (1, 3)
    with pytest.raises(ValueError, match="too large"):
        outrider.Model("error(0.1) D70000000").detector_coordinates()


def test_a_plane_lays_other_coordinates_on_the_lattice(model, graph, slots, training, shots):
    lines = [
        f"detector({(x - y) / 20 + 3}, {(x + y) / 20}, {t}) D{number}"
        for number, (x, y, t) in enumerate(model.detector_coordinates().tolist())
    ]
    turned = outrider.Model("\n".join(lines))
    plane = [[10, 10, -30], [-10, 10, 30]]
    other = outrider.Training(graph, turned, **GEOMETRY, slots=slots, offset=2.5, plane=plane)
    own, laid = training.batch(shots[0]), other.batch(shots[0])
    assert own.keys() == laid.keys() and all(np.array_equal(own[name], laid[name]) for name in own)
    with pytest.raises(ValueError, match="not on the network's lattice"):
        outrider.Training(graph, turned, **GEOMETRY, slots=slots)
    with pytest.raises(ValueError, match="plane is not invertible"):
        outrider.Training(graph, turned, **GEOMETRY, slots=slots, plane=[[1, 1, 0], [1, 1, 0]])


def test_a_batch_holds_the_shots(training, graph, shots):
    detectors, _, edges = shots
    batch = training.batch(detectors, edges)
    bits = np.unpackbits(detectors, axis=1, bitorder="little")
    flips = np.unpackbits(edges, axis=1, bitorder="little")
    shot, detector = np.nonzero(bits)
    assert (batch["detector"] == detector).all()
    assert (batch["shot_events"] == np.searchsorted(shot, np.arange(len(bits) + 1))).all()
    edge_shot = np.repeat(np.arange(len(bits)), np.diff(batch["shot_edges"]))
    assert (batch["label"] == flips[edge_shot, batch["edge"]]).all()
    assert (flips[:, : graph.num_edges].sum(axis=1) >= np.bincount(edge_shot, batch["label"], len(bits))).all()
    assert np.allclose(batch["prior"], -graph.edge_weights()[batch["edge"]], rtol=1e-6)
    ends = graph.edge_nodes()[batch["edge"]]
    assert (ends == detector[batch["output1"] // training.num_slots, None]).any(axis=1).all()
    single = batch["output2"] == len(detector) * training.num_slots
    assert single.any() and not single.all() and batch["output2"].max() <= len(detector) * training.num_slots
    types = {"prior": np.float32, "label": np.float32}
    assert all(array.dtype == types.get(name, np.int64) for name, array in batch.items())
    assert "label" not in training.batch(detectors)
    assert repr(training) == f"<outrider.Training: {graph.num_detectors} detectors, {graph.num_edges} edges, 44 relations>"


def test_layers_equal_numpy(training, shots):
    batch = training.batch(shots[0])
    relation_pairs, target, source = training.pairs()
    relation = np.repeat(np.arange(training.num_relations), np.diff(relation_pairs))
    rng = np.random.default_rng(1)

    def random(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    events, relations = len(batch["detector"]), training.num_relations
    rows, weights = random(relations, WIDTH), random(relations, WIDTH, WIDTH)
    features, gradient, base = random(events, WIDTH), random(events, WIDTH), random(events, WIDTH)

    expected = base.copy()
    np.add.at(expected, target, rows[relation])
    out = base.copy()
    training.embed_forward(rows, out)
    assert np.allclose(out, expected, atol=1e-4)

    expected = np.zeros_like(rows)
    np.add.at(expected, relation, gradient[target])
    by_row = random(relations, WIDTH)
    training.embed_backward(gradient, by_row)
    assert np.allclose(by_row, expected, atol=1e-3)

    expected = base.copy()
    np.add.at(expected, target, np.einsum("ki,kio->ko", features[source], weights[relation]))
    out = base.copy()
    training.message_forward(weights, features, out)
    assert np.allclose(out, expected, atol=1e-3)

    expected = base.copy()
    np.add.at(expected, source, np.einsum("ko,kio->ki", gradient[target], weights[relation]))
    by_feature, by_weight = base.copy(), random(*weights.shape)
    training.message_backward(weights, features, gradient, by_feature, by_weight)
    assert np.allclose(by_feature, expected, atol=1e-3)
    expected = np.zeros_like(weights)
    np.add.at(expected, relation, features[source][:, :, None] * gradient[target][:, None, :])
    assert np.allclose(by_weight, expected, atol=1e-3)


def test_gaps_tell_how_sure_the_decoder_is(training, graph, shots):
    detectors, _, _ = shots
    batch = training.batch(detectors)
    gaps, first, edges, signs = training.gaps(batch["prior"], np.inf)
    observables = np.zeros(graph.num_edges, bool)
    offsets, _ = graph.edge_observables()
    observables[np.diff(offsets) > 0] = True
    weights = graph.edge_weights() + 2.5
    for shot, gap in enumerate(gaps):
        own = slice(batch["shot_edges"][shot], batch["shot_edges"][shot + 1])
        shot_weights = weights.copy()
        shot_weights[batch["edge"][own]] = -batch["prior"][own]
        different = slice(first[shot], first[shot + 1])
        assert gap == pytest.approx((shot_weights[edges[different]] * signs[different]).sum(), abs=1e-4)
        assert observables[edges[different]].sum() % 2 == 1
    limited, first, *_ = training.gaps(batch["prior"], 2.0)
    assert np.array_equal(limited, np.clip(gaps, -2, 2))
    assert np.array_equal(np.diff(first) > 0, np.abs(gaps) < 2)


def test_screening_finds_the_shots_with_a_small_gap_of_their_own(training, graph, shots):
    detectors, _, _ = shots
    weights = outrider.Gap(graph).weights(detectors, bit_packed_shots=True)
    gaps = np.abs(weights[:, 1] - weights[:, 0])
    limit = float(np.median(gaps)) + 0.01
    assert np.array_equal(training.screen(detectors, limit), np.flatnonzero(gaps < limit))
    clipped = outrider.Gap(graph, limit=limit).weights(detectors, bit_packed_shots=True)
    np.testing.assert_allclose(np.abs(clipped[:, 1] - clipped[:, 0]), np.minimum(gaps, limit), atol=1e-3)
    with pytest.raises(ValueError, match="not positive"):
        training.screen(detectors, 0.0)
    with pytest.raises(ValueError, match="not positive"):
        outrider.Gap(graph, limit=-1.0)


def test_bad_geometry_and_arrays(training, graph, model, slots, shots):
    def make(**changes):
        return outrider.Training(graph, model, **{**GEOMETRY, "slots": slots, **changes})

    for changes, message in [
        ({"radius": 5}, "radius 1 to 4"),
        ({"sets": [0]}, "sets, one for each kind: expected 2, found 1"),
        ({"sets": [0, 1]}, "kind 1 uses weight set 1 of 1"),
        ({"slots": [slots[0][1:]]}, "the network was not made for this code"),
        ({"slots": [[(1, 0, 0, True)]]}, "slots: the boundary has an offset"),
        ({"pitch": (4, 2, 1)}, "not on the network's lattice"),
        ({"offset": np.nan}, "not finite"),
        ({"isa": "mmx"}, "unknown"),
    ]:
        with pytest.raises(ValueError, match=message):
            make(**changes)
    plain = outrider.Model("error(0.1) D0 D1")
    with pytest.raises(ValueError, match="D0 has no coordinates"):
        outrider.Training(outrider.MatchingGraph(plain), plain, **GEOMETRY, slots=slots)

    rows = np.zeros((training.num_relations, WIDTH), np.float32)
    with pytest.raises(ValueError, match="no batch was prepared"):
        training.embed_forward(rows, np.zeros((0, WIDTH), np.float32))
    with pytest.raises(ValueError, match="expected uint8, bit-packed"):
        training.batch(shots[0][:, 1:])
    with pytest.raises(ValueError, match="rows of edges: expected 200, found 199"):
        training.batch(shots[0], shots[2][1:])
    batch = training.batch(shots[0])
    out = np.zeros((len(batch["detector"]), WIDTH), np.float32)
    with pytest.raises(ValueError, match="out: expected contiguous float32 of 2 dimensions, found float64"):
        training.embed_forward(rows, out.astype(np.float64))
    with pytest.raises(ValueError, match="out: expected contiguous float32 of 2 dimensions"):
        training.embed_forward(rows, np.zeros((WIDTH, len(out)), np.float32).T)
    with pytest.raises(ValueError, match="a width is 16, 32, 48 or 64"):
        training.embed_forward(rows[:, :8].copy(), out[:, :8].copy())
    with pytest.raises(ValueError, match="rows of the relations"):
        training.embed_forward(rows[1:], out)
    with pytest.raises(ValueError, match="out, in floats"):
        training.embed_forward(rows, out[1:])
    with pytest.raises(ValueError, match="weights: expected a width of 16"):
        training.message_forward(np.zeros((len(rows), 8, WIDTH), np.float32), out, out.copy())
    with pytest.raises(ValueError, match="log-odds"):
        training.gaps(batch["prior"][1:], 1.0)
    with pytest.raises(ValueError, match="shot 1: a log-odds is not a number"):
        training.gaps(np.full_like(batch["prior"], np.nan), 1.0)
