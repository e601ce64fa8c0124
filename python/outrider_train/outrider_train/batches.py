"""Batches of shots as the network sees them, prepared by the C library.

This is the only module that knows `outrider.Training`. A batch belongs to the circuit that made it until the circuit
makes the next one; the float kernels of the network's layers then work on the new one.
"""

import functools

import numpy as np
import outrider
import torch

from .circuits import Circuit, Shots
from .errors import TrainingError
from .geometry import Geometry


class Batch:
    """Events, pairs of near events and edges of some shots of one circuit. See outrider.Training.batch."""

    def __init__(self, maker: "BatchMaker", arrays: dict[str, np.ndarray]):
        self.maker = maker
        self.shot_count = len(arrays["shot_events"]) - 1
        self.event_count = len(arrays["detector"])
        self.shot_edges = arrays["shot_edges"]
        self.edge = arrays["edge"]
        tensors = {name: torch.from_numpy(array).to(maker.device) for name, array in arrays.items()}
        self.set, self.place, self.phase = tensors["set"], tensors["place"], tensors["phase"]
        self.output1, self.output2 = tensors["output1"], tensors["output2"]
        self.prior = tensors["prior"]
        self.label = tensors.get("label")

    @functools.cached_property
    def pairs(self) -> tuple[np.ndarray, torch.Tensor, torch.Tensor]:
        """First pair of each relation and the number of pairs; the targets; the sources."""
        first, target, source = self.kernels.pairs()
        return first, *(torch.from_numpy(events).to(self.maker.device) for events in (target, source))

    @property
    def kernels(self) -> "outrider.Training":
        """The C library, with this batch as its present one."""
        if self.maker.current is not self:
            raise RuntimeError("the circuit has made another batch since")
        return self.maker.native

    def gaps(self, log_odds: np.ndarray, limit: float) -> tuple[np.ndarray, ...]:
        """Weight of class 1 less that of class 0 of each shot, and what the small ones depend on.

        (gaps, first, edges, signs): the edges first[s] to first[s + 1] - 1 are in only one class's answer of shot
        s, in class 1's where the sign is +1. They are listed where |gap| < limit.
        """
        try:
            return self.kernels.gaps(log_odds, limit)
        except ValueError as error:
            raise self.maker.no_gap(error) from None


class BatchMaker:
    """Makes batches of one circuit; edges without an event end count with `offset` more nats of weight."""

    def __init__(self, circuit: Circuit, geometry: Geometry, offset: float, device: torch.device):
        lattice = geometry.lattice
        try:
            self.native = outrider.Training(
                circuit.graph,
                circuit.model,
                pitch=lattice.pitch,
                kind_rule=lattice.kind_rule,
                transposed=[bool(flag) for flag in lattice.transposed],
                sets=lattice.sets,
                radius=lattice.radius,
                slots=[[(*offset, bool(boundary)) for *offset, boundary in geometry.slots]]
                * lattice.set_count,
                plane=lattice.plane,
                offset=offset,
            )
        except ValueError as error:
            raise TrainingError(f"{circuit.name}: {error}") from None
        self.circuit = circuit
        self.device = device
        self.log_noise = self.native.log_noise
        self.elsewhere = (np.log(circuit.probabilities / (1 - circuit.probabilities)) - offset).astype(
            np.float32
        )
        self.current: Batch | None = None

    def screen(self, shots: Shots, limit: float) -> np.ndarray:
        """The numbers of the shots whose gap under the model's own weights is below the limit."""
        try:
            return self.native.screen(shots.detectors, limit)
        except ValueError as error:
            raise self.no_gap(error) from None

    def no_gap(self, error: ValueError) -> TrainingError:
        """What to say where the circuit has no gap."""
        return TrainingError(f"{self.circuit.name}: {error}; train it with --gap-share 0, without --shots")

    def make(self, shots: Shots, labels: bool = True) -> Batch:
        """The batch of these shots."""
        self.current = Batch(self, self.native.batch(shots.detectors, shots.edges if labels else None))
        return self.current
