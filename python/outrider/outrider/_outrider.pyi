"""Types of the compiled part; what each call does is said by help()."""

import os
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Decoder",
    "Drift",
    "Gap",
    "LearnedNoise",
    "Likelihood",
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
    "__version__",
    "find_bursts",
    "learn",
    "read_shots",
]

__version__: str

_Bits: TypeAlias = NDArray[np.bool_] | NDArray[np.uint8]
_Overrides: TypeAlias = tuple[ArrayLike, ArrayLike, ArrayLike]
_Ragged: TypeAlias = tuple[NDArray[np.int64], NDArray[np.uint32]]
_RaggedPairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
_Table: TypeAlias = np.recarray[Any, Any]

def read_shots(
    path: str | os.PathLike[str], format: str = "b8", *, num_detectors: int = 0, num_observables: int = 0
) -> NDArray[np.uint8]: ...

@final
class Model:
    def __new__(cls, source: Any) -> Model: ...
    def __getnewargs__(self) -> tuple[str]: ...
    @staticmethod
    def from_file(path: str | os.PathLike[str]) -> Model: ...
    @property
    def num_detectors(self) -> int: ...
    @property
    def num_observables(self) -> int: ...
    @property
    def num_errors(self) -> int: ...
    def detector_coordinates(self) -> NDArray[np.float64]: ...

@final
class MeasurementMap:
    def __new__(
        cls,
        circuit: Any,
        *,
        detectors_only: bool = False,
        ran_without_feedback: bool = False,
        skip_reference_sample: bool = False,
    ) -> MeasurementMap: ...
    @property
    def num_measurements(self) -> int: ...
    @property
    def num_sweep_bits(self) -> int: ...
    @property
    def num_detectors(self) -> int: ...
    @property
    def num_observables(self) -> int: ...
    @overload
    def convert(
        self,
        measurements: _Bits,
        *,
        sweep_bits: _Bits | None = None,
        bit_packed_inputs: bool = False,
        bit_packed: Literal[False] = False,
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]: ...
    @overload
    def convert(
        self,
        measurements: _Bits,
        *,
        sweep_bits: _Bits | None = None,
        bit_packed_inputs: bool = False,
        bit_packed: Literal[True],
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]: ...

@final
class MatchingGraph:
    def __new__(
        cls,
        model: Model,
        *,
        correlations: bool = False,
        ignore_undecomposable: bool = False,
        first_observables: bool = False,
        levels: int = 0,
        weight_range: float = 0.0,
    ) -> MatchingGraph: ...
    @staticmethod
    def from_edges(
        edges: ArrayLike,
        weights: ArrayLike,
        observables: tuple[ArrayLike, ArrayLike] | None = None,
        *,
        num_detectors: int | None = None,
        num_observables: int | None = None,
        probabilities: ArrayLike | None = None,
        levels: int = 0,
        weight_range: float = 0.0,
    ) -> MatchingGraph: ...
    @property
    def weight_limit(self) -> float: ...
    @property
    def num_detectors(self) -> int: ...
    @property
    def num_observables(self) -> int: ...
    @property
    def num_edges(self) -> int: ...
    @property
    def num_ignored(self) -> int: ...
    @property
    def num_undetectable(self) -> int: ...
    @property
    def has_correlations(self) -> bool: ...
    def edge_nodes(self) -> NDArray[np.int64]: ...
    def edge_weights(self) -> NDArray[np.float64]: ...
    def edge_probabilities(self) -> NDArray[np.float64]: ...
    def edge_observables(self) -> _Ragged: ...
    def edge_order(self) -> NDArray[np.uint32]: ...
    def find_edge(self, node1: int, node2: int | None = None) -> int | None: ...

@final
class Decoder:
    def __new__(
        cls,
        graph: MatchingGraph,
        kind: str = "mwpm",
        *,
        predecoder: Predecoder | None = None,
        predecoder_use: str = "soft",
        weight_offset: float = 0.0,
        isa: str = "auto",
        certify: bool = False,
    ) -> Decoder: ...
    @property
    def graph(self) -> MatchingGraph: ...
    @property
    def kind(self) -> str: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        overrides: _Overrides | None = None,
        bit_packed_shots: bool = False,
        bit_packed_predictions: Literal[False] = False,
        return_weights: Literal[False] = False,
    ) -> NDArray[np.bool_]: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        overrides: _Overrides | None = None,
        bit_packed_shots: bool = False,
        bit_packed_predictions: Literal[True],
        return_weights: Literal[False] = False,
    ) -> NDArray[np.uint8]: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        overrides: _Overrides | None = None,
        bit_packed_shots: bool = False,
        bit_packed_predictions: bool = False,
        return_weights: Literal[True],
    ) -> tuple[NDArray[Any], NDArray[np.float64]]: ...
    def decode_to_edges(
        self,
        shots: _Bits,
        *,
        overrides: _Overrides | None = None,
        bit_packed_shots: bool = False,
    ) -> _Ragged: ...
    def decode_to_edge_nodes(
        self,
        shots: _Bits,
        *,
        overrides: _Overrides | None = None,
        bit_packed_shots: bool = False,
    ) -> _RaggedPairs: ...
    def decode_to_pairs(
        self,
        shots: _Bits,
        *,
        overrides: _Overrides | None = None,
        bit_packed_shots: bool = False,
    ) -> _RaggedPairs: ...
    def decode_shot(self, shot: _Bits) -> tuple[NDArray[np.uint8], float]: ...
    def __getnewargs_ex__(self) -> tuple[tuple[MatchingGraph, str], dict[str, Any]]: ...

@final
class Windows:
    def __new__(
        cls,
        layout: str,
        *,
        commit: int,
        buffer: int,
        spacing: int | None = None,
        row_width: int | None = None,
        row_axis: str | None = None,
        row_pitch: float | None = None,
        time_axis: int | None = None,
        time_unit: float | None = None,
        time_offset: float | None = None,
    ) -> Windows: ...
    @property
    def layout(self) -> str: ...
    @property
    def commit(self) -> int: ...
    @property
    def buffer(self) -> int: ...
    @property
    def spacing(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]: ...

@final
class WindowedDecoder:
    def __new__(
        cls,
        model: Model,
        windows: Windows,
        kind: str = "mwpm",
        *,
        predecoder: Predecoder | None = None,
        predecoder_use: str = "soft",
        isa: str = "auto",
        ignore_undecomposable: bool = False,
        first_observables: bool = False,
        sure_gap: float | None = None,
        sure_mean: float | None = None,
        deep_ratio: float | None = None,
    ) -> WindowedDecoder: ...
    @property
    def kind(self) -> str: ...
    @property
    def num_detectors(self) -> int: ...
    @property
    def num_observables(self) -> int: ...
    @property
    def num_rounds(self) -> int: ...
    @property
    def is_sequential(self) -> bool: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        bit_packed_shots: bool = False,
        bit_packed_predictions: Literal[False] = False,
    ) -> NDArray[np.bool_]: ...
    @overload
    def decode_batch(
        self, shots: _Bits, *, bit_packed_shots: bool = False, bit_packed_predictions: Literal[True]
    ) -> NDArray[np.uint8]: ...
    def decode_to_edge_nodes(self, shots: _Bits, *, bit_packed_shots: bool = False) -> _RaggedPairs: ...

@final
class Stream:
    def __new__(
        cls,
        model: Model,
        windows: Windows,
        kind: str = "mwpm",
        *,
        workers: int = 0,
        isa: str = "auto",
        sure_gap: float | None = None,
        sure_mean: float | None = None,
        deep_ratio: float | None = None,
    ) -> Stream: ...
    @property
    def kind(self) -> str: ...
    @property
    def workers(self) -> int: ...
    @property
    def num_observables(self) -> int: ...
    @property
    def num_rounds(self) -> int: ...
    @property
    def min_rounds(self) -> int | None: ...
    def round_detectors(self, round: int) -> NDArray[np.uint32]: ...
    def push(self, events: _Bits, *, is_last: bool = False) -> None: ...
    def poll(self) -> tuple[int, NDArray[np.bool_]]: ...
    def finish(self) -> NDArray[np.bool_]: ...
    def restart(self) -> None: ...

@final
class Gap:
    def __new__(
        cls,
        graph: MatchingGraph,
        observable: int = 0,
        *,
        isa: str = "auto",
        weight_offset: float = 0.0,
        limit: float | None = None,
    ) -> Gap: ...
    @property
    def graph(self) -> MatchingGraph: ...
    def weights(
        self, shots: _Bits, *, overrides: _Overrides | None = None, bit_packed_shots: bool = False
    ) -> NDArray[np.float64]: ...

@final
class Trellis:
    def __new__(
        cls,
        model: Model,
        *,
        coarse: tuple[float, int] = ...,
        fine: tuple[float, int] = ...,
        unsure: float = 1.0,
        iterations: int = 3,
        isa: str = "auto",
    ) -> Trellis: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        bit_packed_shots: bool = False,
        bit_packed_predictions: Literal[False] = False,
        return_ratios: Literal[False] = False,
    ) -> NDArray[np.bool_]: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        bit_packed_shots: bool = False,
        bit_packed_predictions: Literal[True],
        return_ratios: Literal[False] = False,
    ) -> NDArray[np.uint8]: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        bit_packed_shots: bool = False,
        bit_packed_predictions: bool = False,
        return_ratios: Literal[True],
    ) -> tuple[NDArray[Any], NDArray[np.float64]]: ...

@final
class Likelihood:
    def __new__(
        cls,
        model: Model,
        *,
        predecoder: Predecoder | None = None,
        ignore_undecomposable: bool = False,
        first_observables: bool = False,
        sure_gap: float | None = None,
        sure_mean: float | None = None,
        likely_weight: float | None = None,
        iterations: int | None = None,
        budget: tuple[float, int] | None = None,
        gap_share: float | None = None,
        gap_slope: float | None = None,
        sum_slope: float | None = None,
        deep_ratio: float | None = None,
        isa: str = "auto",
    ) -> Likelihood: ...
    @property
    def num_detectors(self) -> int: ...
    @property
    def num_observables(self) -> int: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        bit_packed_shots: bool = False,
        bit_packed_predictions: Literal[False] = False,
        return_ratios: Literal[False] = False,
    ) -> NDArray[np.bool_]: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        bit_packed_shots: bool = False,
        bit_packed_predictions: Literal[True],
        return_ratios: Literal[False] = False,
    ) -> NDArray[np.uint8]: ...
    @overload
    def decode_batch(
        self,
        shots: _Bits,
        *,
        bit_packed_shots: bool = False,
        bit_packed_predictions: bool = False,
        return_ratios: Literal[True],
    ) -> tuple[NDArray[Any], NDArray[np.float64]]: ...
    def decode_to_edge_nodes(self, shots: _Bits, *, bit_packed_shots: bool = False) -> _RaggedPairs: ...
    def decode_shot(self, shot: _Bits) -> tuple[NDArray[np.uint8], NDArray[np.float64]]: ...

@final
class Predecoder:
    @staticmethod
    def rule(
        name: str,
        model: Model,
        graph: MatchingGraph,
        *,
        iterations: int | None = None,
        threshold: float = 0.5,
        isa: str = "auto",
    ) -> Predecoder: ...
    @staticmethod
    def from_file(
        path: str | os.PathLike[str],
        model: Model,
        graph: MatchingGraph,
        *,
        threshold: float = 0.5,
        isa: str = "auto",
    ) -> Predecoder: ...
    @property
    def name(self) -> str: ...
    @property
    def reach(self) -> tuple[float, float, float]: ...
    @property
    def weight_offset(self) -> float: ...
    def log_odds(
        self, shots: _Bits, *, bit_packed_shots: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float64]]: ...
    @overload
    def residual(
        self, shots: _Bits, *, bit_packed_shots: bool = False, bit_packed: Literal[False] = False
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]: ...
    @overload
    def residual(
        self, shots: _Bits, *, bit_packed_shots: bool = False, bit_packed: Literal[True]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]: ...

@final
class Moments:
    def __new__(
        cls,
        model: Any,
        *,
        with_outside: bool = False,
        fade_shift: int = 0,
        block_shots: int = 4096,
        isa: str = "auto",
    ) -> Moments: ...
    @staticmethod
    def for_sets(
        num_detectors: int,
        sets: Sequence[Sequence[int]],
        *,
        fade_shift: int = 0,
        block_shots: int = 4096,
        isa: str = "auto",
    ) -> Moments: ...
    @staticmethod
    def for_pairs(model: Any, *, rounds_apart: int | None = None, isa: str = "auto") -> Moments: ...
    @property
    def num_detectors(self) -> int: ...
    @property
    def num_sets(self) -> int: ...
    @property
    def sets(self) -> list[tuple[int, ...]]: ...
    @property
    def counts(self) -> NDArray[np.uint64]: ...
    @property
    def shots(self) -> int: ...
    @property
    def effective_shots(self) -> float: ...
    def find(self, set: Sequence[int]) -> int | None: ...
    def add(self, shots: _Bits, *, bit_packed_shots: bool = False) -> None: ...
    def merge(self, other: Moments) -> None: ...
    def clear(self) -> None: ...
    def means(self) -> NDArray[np.float64]: ...
    def expected(self, model: Any) -> NDArray[np.float64]: ...

@final
class LearnedNoise:
    @property
    def model(self) -> Model: ...
    @property
    def moments(self) -> Moments: ...
    @property
    def detectors(self) -> list[tuple[int, ...]]: ...
    @property
    def observables(self) -> list[list[tuple[int, ...]]]: ...
    @property
    def rates(self) -> _Table: ...
    @property
    def group_factors(self) -> dict[int, float]: ...
    @property
    def scale(self) -> float: ...
    @property
    def spread(self) -> NDArray[np.float64]: ...
    @property
    def spread_within_groups(self) -> NDArray[np.float64] | None: ...
    @property
    def shots(self) -> float: ...
    @property
    def chi_square(self) -> float: ...
    @property
    def kept(self) -> int: ...
    @property
    def not_positive(self) -> int: ...
    @property
    def floored(self) -> int: ...
    def residuals(self, level: float = 1e-3) -> Residuals: ...

@overload
def learn(
    prior: Any,
    shots: _Bits,
    *,
    moments: None = None,
    means: None = None,
    num_shots: None = None,
    bit_packed_shots: bool = False,
    method: str = "closed-form",
    shrink: Literal["auto", "none"] | float = "auto",
    floor: float = 0.05,
    tie: Literal["none", "time"] | ArrayLike = "none",
    tie_spread: Literal["auto"] | float = "auto",
    isa: str = "auto",
) -> LearnedNoise: ...
@overload
def learn(
    prior: Any,
    shots: None = None,
    *,
    moments: Moments,
    means: ArrayLike | None = None,
    num_shots: float | None = None,
    bit_packed_shots: bool = False,
    method: str = "closed-form",
    shrink: Literal["auto", "none"] | float = "auto",
    floor: float = 0.05,
    tie: Literal["none", "time"] | ArrayLike = "none",
    tie_spread: Literal["auto"] | float = "auto",
    isa: str = "auto",
) -> LearnedNoise: ...

@final
class Residuals:
    def __new__(cls, model: Any, moments: Moments, *, level: float = 1e-3) -> Residuals: ...
    @property
    def pairs(self) -> _Table: ...
    @property
    def detectors(self) -> _Table: ...
    @property
    def misfit(self) -> list[str]: ...

@final
class Drift:
    def __new__(
        cls,
        shots: _Bits,
        *,
        window: int = 1000,
        level: float = 1e-3,
        num_detectors: int | None = None,
        bit_packed_shots: bool = False,
    ) -> Drift: ...
    @property
    def has_drift(self) -> bool: ...
    @property
    def num_windows(self) -> int: ...
    @property
    def events(self) -> dict[str, float]: ...
    @property
    def detectors(self) -> _Table: ...

def find_bursts(
    shots: _Bits,
    *,
    window: int = 1000,
    neighbours: int | None = None,
    false_rate: float | None = None,
    num_detectors: int | None = None,
    bit_packed_shots: bool = False,
) -> _Table: ...

@final
class Sampler:
    def __new__(
        cls, model: Model, seed: int = 0, *, graph: MatchingGraph | None = None, isa: str = "auto"
    ) -> Sampler: ...
    @property
    def num_detectors(self) -> int: ...
    @property
    def num_observables(self) -> int: ...
    @property
    def num_errors(self) -> int: ...
    @overload
    def sample(
        self,
        shots: int,
        *,
        first_shot: int = 0,
        bit_packed: Literal[False] = False,
        return_errors: Literal[False] = False,
        return_edges: Literal[False] = False,
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]: ...
    @overload
    def sample(
        self,
        shots: int,
        *,
        first_shot: int = 0,
        bit_packed: Literal[True],
        return_errors: Literal[False] = False,
        return_edges: Literal[False] = False,
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]: ...
    @overload
    def sample(
        self,
        shots: int,
        *,
        first_shot: int = 0,
        bit_packed: bool = False,
        return_errors: bool = False,
        return_edges: bool = False,
    ) -> tuple[NDArray[Any], ...]: ...

@final
class SurfaceCode:
    def __new__(
        cls,
        distance: int | tuple[int, int],
        rounds: int,
        noise: float | dict[str, float],
        *,
        basis: str = "z",
        circuit: str = "stim",
        orientation: str = "O1",
    ) -> SurfaceCode: ...
    @property
    def num_detectors(self) -> int: ...
    @property
    def circuit_text(self) -> str: ...
    def model(self, *, folded: bool = False) -> Model: ...

@final
class Training:
    def __new__(
        cls,
        graph: MatchingGraph,
        model: Model,
        *,
        pitch: tuple[int, int, int],
        kind_rule: tuple[int, int, int],
        transposed: Sequence[bool],
        sets: Sequence[int],
        radius: int,
        slots: Sequence[Sequence[tuple[int, int, int, bool]]],
        plane: Sequence[Sequence[int]] | None = None,
        offset: float = 0.0,
        isa: str = "auto",
    ) -> Training: ...
    @property
    def num_relations(self) -> int: ...
    @property
    def num_slots(self) -> int: ...
    @property
    def log_noise(self) -> float: ...
    def batch(
        self, detectors: NDArray[np.uint8], edges: NDArray[np.uint8] | None = None
    ) -> dict[str, NDArray[Any]]: ...
    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...
    def embed_forward(self, rows: NDArray[np.float32], out: NDArray[np.float32]) -> None: ...
    def embed_backward(self, gradient: NDArray[np.float32], row_gradient: NDArray[np.float32]) -> None: ...
    def message_forward(
        self, weights: NDArray[np.float32], features: NDArray[np.float32], out: NDArray[np.float32]
    ) -> None: ...
    def message_backward(
        self,
        weights: NDArray[np.float32],
        features: NDArray[np.float32],
        gradient: NDArray[np.float32],
        feature_gradient: NDArray[np.float32],
        weight_gradient: NDArray[np.float32],
    ) -> None: ...
    def gaps(
        self, log_odds: NDArray[np.float32], limit: float
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]: ...
    def screen(self, detectors: NDArray[np.uint8], limit: float) -> NDArray[np.int64]: ...
