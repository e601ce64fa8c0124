"""How much of each circuit goes into a step of the gap phase.

The stronger the code and the weaker the noise, the rarer are shots that teach anything about the gap. So more shots
are sampled of such a circuit, as most of them are only screened, and each may count more.
"""

from dataclasses import dataclass

import numpy as np

from .batches import BatchMaker
from .circuits import ShotStream, derive_seed
from .settings import Settings

# Shots that a circuit is judged by, in total and at a time.
PILOT_SHOTS = 8192
PILOT_BLOCK = 1024
# Plain matching's mean gap loss where --gap-balance changes nothing: about that of distance 7 at p = 0.006.
REFERENCE_LOSS = 0.05


@dataclass(frozen=True)
class GapScales:
    """Of one circuit: shots sampled for each that is run forward, about, and the weight of the gap's loss."""

    factor: int
    weight: float


def measure_scales(maker: BatchMaker, settings: Settings) -> GapScales:
    """Judged by fixed shots, so that a resumed run has the same."""
    stream = ShotStream(maker.circuit, derive_seed("pilot shots"))
    passed, loss = 0, 0.0
    for first in range(0, PILOT_SHOTS, PILOT_BLOCK):
        shots = stream.read(first, PILOT_BLOCK)
        shots = shots[maker.screen(shots, settings.screen)]
        passed += len(shots)
        batch = maker.make(shots, labels=False)
        gaps, *_ = batch.gaps(batch.prior.numpy(force=True), settings.screen)
        flipped = (shots.observables[:, 0] & 1).astype(bool)
        loss += float(np.logaddexp(0, np.where(flipped, gaps, -gaps)).sum())
    factor = int(min(settings.screen_most, PILOT_SHOTS / max(passed, 1)))
    weight = (max(loss, 1.0) / PILOT_SHOTS / REFERENCE_LOSS) ** -settings.gap_balance
    return GapScales(max(factor, 1), weight)
