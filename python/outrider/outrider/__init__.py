"""Decoders for surface-code quantum computers: exact, correlated and union-find decoding of Stim data.

    >>> import outrider
    >>> model = outrider.SurfaceCode(5, 5, 0.003).model()
    >>> detectors, observables = outrider.Sampler(model, seed=1).sample(10_000)
    >>> decoder = outrider.Decoder(outrider.MatchingGraph(model), "mwpm")
    >>> predictions = decoder.decode_batch(detectors)
    >>> int((predictions != observables).any(axis=1).sum()) < 50
    True

Arrays have a row per shot. A row of bits has one bool or uint8 per bit or is packed, uint8 with bit k as
bit k % 8 of byte k / 8, as in Stim. Weights are in natural units, ln((1-p)/p). Bad input is a ValueError of
one line. Long calls release the interpreter lock: give each thread a decoder of its own over one graph.
"""

from typing import TYPE_CHECKING

from . import _cpp_pymatching as _cpp_pymatching  # PyMatching's tests find it here.
from ._cli import cli
from ._noise import rand_float, randomize, set_seed
from ._outrider import (
    Decoder,
    Drift,
    Gap,
    LearnedNoise,
    Likelihood,
    MatchingGraph,
    MeasurementMap,
    Model,
    Moments,
    Predecoder,
    Residuals,
    Sampler,
    Stream,
    SurfaceCode,
    Training,
    Trellis,
    WindowedDecoder,
    Windows,
    find_bursts,
    learn,
    read_shots,
)
from ._outrider import __version__ as __version__
from .matching import Matching

if TYPE_CHECKING:
    import os

    import sinter

__all__ = [
    "Decoder",
    "Drift",
    "Gap",
    "LearnedNoise",
    "Likelihood",
    "Matching",
    "MatchingGraph",
    "MeasurementMap",
    "Model",
    "Moments",
    "Predecoder",
    "Residuals",
    "Sampler",
    "Stream",
    "SurfaceCode",
    "Training",
    "Trellis",
    "WindowedDecoder",
    "Windows",
    "cli",
    "find_bursts",
    "learn",
    "matching",
    "rand_float",
    "randomize",
    "read_shots",
    "set_seed",
    "sinter_decoders",
]


def sinter_decoders(predecoder: "str | os.PathLike[str] | None" = None) -> "dict[str, sinter.Decoder]":
    """The decoders as sinter takes them, by name; needs the package sinter.

        sinter collect --custom_decoders_module_function outrider:sinter_decoders --decoders outrider-mwpm ...

    Names: outrider-mwpm, outrider-mwpm-correlated and outrider-union-find, also without "outrider-", as the
    program names them, so that rows of the same task merge with those of `outrider ler`. outrider-likelihood and
    likelihood sum over likely errors where matching is unsure, without a pre-decoder. outrider-trellis and trellis
    sum over all errors of the model, which takes much longer. outrider-predecoded is exact matching after a
    pre-decoder, which `predecoder` or else the environment variable OUTRIDER_PREDECODER names: the file of a
    trained network, rule:clique, rule:smith or rule:min-sum.
    """
    from . import _sinter

    return _sinter.decoders(predecoder)
