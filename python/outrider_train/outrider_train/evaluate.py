"""Logical error rates on fixed shots: a network, softly, beside plain and correlated matching."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import outrider
import torch

from .batches import Batch, BatchMaker
from .circuits import Circuit, Shots, ShotStream, derive_seed
from .errors import TrainingError
from .network import EventNetwork
from .objective import flip_loss

# Events in one batch, about.
BATCH_EVENTS = 20_000
# The same shots for every run, and never those of training.
FIXED_SEED = derive_seed("fixed shots")


@dataclass(frozen=True)
class Row:
    """Failures of one circuit's shots."""

    circuit: str
    shots: int
    plain: int
    correlated: int
    network: int
    only_network: int
    only_correlated: int
    loss: float | None
    prior_loss: float | None

    HEADER = (
        f"{'circuit':<30} {'shots':>9} {'plain':>7} {'corr.':>7} {'network':>7}  "
        f"{'LER':>9}  {'95% interval':<21}  only net/corr.  loss (model's)"
    )

    def __str__(self) -> str:
        low, high = wilson(self.network, self.shots)
        losses = "" if self.loss is None else f"{self.loss:.4f} ({self.prior_loss:.4f})"
        return (
            f"{self.circuit:<30} {self.shots:>9} {self.plain:>7} {self.correlated:>7} {self.network:>7}  "
            f"{self.network / self.shots:>9.3e}  {low:.3e} .. {high:.3e}  "
            f"{f'{self.only_network}/{self.only_correlated}':>14}  {losses}".rstrip()
        )

    def card(self) -> dict:
        """For the card of a file."""
        names = ("circuit", "shots", "plain", "correlated", "network", "only_network", "only_correlated")
        values = {name: getattr(self, name) for name in names}
        return values | {"interval95": [float(f"{bound:.4g}") for bound in wilson(self.network, self.shots)]}


class FixedShots:
    """One circuit's fixed shots, and which of them plain and correlated matching get wrong."""

    def __init__(self, circuit: Circuit, shots: int):
        self.circuit = circuit
        self.shots = shots
        self._stream = ShotStream(circuit, FIXED_SEED)
        self._plain = self._failures(outrider.Decoder(circuit.graph))
        try:
            graph = outrider.MatchingGraph(circuit.model, correlations=True)
        except ValueError as error:
            raise TrainingError(f"{circuit.name}: {error}; it cannot be measured") from None
        self._correlated = self._failures(outrider.Decoder(graph, "mwpm-correlated"))

    def measure(self, maker: BatchMaker, network: EventNetwork) -> Row:
        """Decodes all shots with the network's log-odds in place of the model's."""
        decoder = outrider.Decoder(self.circuit.graph, weight_offset=network.offset)
        wrong, loss, prior_loss = [], 0.0, 0.0
        for shots in self._chunks():
            batch = maker.make(shots)
            with torch.no_grad():
                log_odds = network(batch)
                loss += float(flip_loss(log_odds, batch))
                prior_loss += float(flip_loss(batch.prior, batch))
            wrong.append(_wrong(shots, decode(decoder, shots, batch, log_odds)))
        return self._row(np.concatenate(wrong), loss / self.shots, prior_loss / self.shots)

    def measure_file(self, path: Path) -> Row:
        """Decodes all shots with a network file, by the C library on integers."""
        model, graph = self.circuit.model, self.circuit.graph
        try:
            predecoder = outrider.Predecoder.from_file(path, model, graph)
        except (ValueError, OSError) as error:
            raise TrainingError(str(error)) from None
        return self._row(self._failures(outrider.Decoder(graph, predecoder=predecoder)))

    def _row(self, wrong: np.ndarray, loss: float | None = None, prior_loss: float | None = None) -> Row:
        return Row(
            circuit=self.circuit.name,
            shots=self.shots,
            plain=int(self._plain.sum()),
            correlated=int(self._correlated.sum()),
            network=int(wrong.sum()),
            only_network=int((wrong & ~self._correlated).sum()),
            only_correlated=int((~wrong & self._correlated).sum()),
            loss=loss,
            prior_loss=prior_loss,
        )

    def _chunks(self) -> Iterator[Shots]:
        size = max(1, int(BATCH_EVENTS / max(self.circuit.events_per_shot, 1e-3)))
        for first in range(0, self.shots, size):
            yield self._stream.read(first, min(size, self.shots - first))

    def _failures(self, decoder: outrider.Decoder) -> np.ndarray:
        return np.concatenate(
            [
                _wrong(shots, decoder.decode_batch(shots.detectors, bit_packed_shots=True))
                for shots in self._chunks()
            ]
        )


def decode(decoder: outrider.Decoder, shots: Shots, batch: Batch, log_odds: torch.Tensor) -> np.ndarray:
    """Observables under the log-odds of the batch's edges: bool, shots x observables."""
    weights = -log_odds.cpu().numpy().astype(np.float64)
    return decoder.decode_batch(
        shots.detectors, overrides=(batch.shot_edges, batch.edge, weights), bit_packed_shots=True
    )


def _wrong(shots: Shots, guesses: np.ndarray) -> np.ndarray:
    truth = np.unpackbits(shots.observables, axis=1, count=guesses.shape[1], bitorder="little")
    return (guesses != truth).any(axis=1)


def wilson(failures: int, shots: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate."""
    rate, weight = failures / shots, z * z / shots
    middle = (rate + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(rate * (1 - rate) / shots + weight / (4 * shots))
    return max(0.0, middle - half), min(1.0, middle + half)
