"""How much of each circuit a step of the gap phase has, and what screening leaves out."""

from dataclasses import replace

import pytest
import torch

from outrider_train.batches import BatchMaker
from outrider_train.circuits import ShotStream, build, parse
from outrider_train.geometry import Lattice, find_slots
from outrider_train.objective import gap_losses
from outrider_train.scales import PILOT_SHOTS, measure_scales
from outrider_train.settings import Settings


def maker_of(specification):
    circuit = build(parse(specification)[0])
    return BatchMaker(circuit, find_slots(Lattice(), [circuit]), 2.5, torch.device("cpu"))


def test_circuits_that_rarely_fail_are_sampled_more_and_count_more():
    settings = Settings(gap_balance=0.5, screen_most=12)
    noisy, quiet = (
        measure_scales(maker_of(f"stim d={d} p={p}"), settings) for d, p in ((3, 0.02), (7, 0.002))
    )
    assert noisy.factor == 1 and quiet.factor == 12
    assert noisy.weight < 1 < quiet.weight
    same, whole = (
        measure_scales(maker_of("stim d=7 p=0.002"), replace(settings, gap_balance=balance))
        for balance in (0.0, 1.0)
    )
    assert same.weight == 1
    assert whole.weight == pytest.approx(quiet.weight**2)


def test_shots_are_sampled_about_as_often_as_they_pass():
    maker = maker_of("stim d=5 p=0.004")
    scales = measure_scales(maker, Settings())
    passed = len(maker.screen(ShotStream(maker.circuit, 8).read(0, PILOT_SHOTS), Settings.screen))
    assert scales.factor * passed == pytest.approx(PILOT_SHOTS, rel=0.5)
    assert scales.factor > 1


def test_screening_leaves_out_next_to_nothing(circuit, batch, make_network):
    maker, network = batch.maker, make_network()
    shots = ShotStream(circuit, 4).read(0, 400)
    assert len(maker.screen(shots, 8.0)) < 0.9 * len(shots)
    screened, kept = gap_losses(network, maker, shots, shots[::16], 4.0, 8.0)
    every, kept_too = gap_losses(network, maker, shots, shots[::16], 4.0, 1e9)
    torch.testing.assert_close(screened, every, rtol=0.05, atol=0.0)
    torch.testing.assert_close(kept, kept_too)
