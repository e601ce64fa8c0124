"""outrider as a plug-in of sinter. Decoders are pickled to sinter's workers and compiled there."""

import os
import pathlib
import sys

import numpy as np
import sinter
import stim

from ._outrider import Decoder, Likelihood, MatchingGraph, Model, Predecoder, Trellis

_PREDECODER_VARIABLE = "OUTRIDER_PREDECODER"
_PREDECODED = "outrider-predecoded"
_RULE = "rule:"
_KINDS = ["mwpm", "mwpm-correlated", "union-find"]
_BLOCK_SHOTS = 4096


def decoders(predecoder: str | os.PathLike[str] | None) -> dict[str, sinter.Decoder]:
    predecoded = PredecodedDecoder(predecoder)
    fault = predecoded.fault()
    # sinter would name it in each of its workers, with the calls that led there.
    if fault and _PREDECODED in sys.argv:
        sys.exit(fault)
    # The plain names are those of `outrider ler`: rows of the same name and task have the same strong id.
    matching = {kind: OutriderDecoder(kind) for kind in _KINDS}
    plain = {**matching, "likelihood": SumDecoder("likelihood"), "trellis": SumDecoder("trellis")}
    found = {f"{prefix}{name}": decoder for prefix in ["outrider-", ""] for name, decoder in plain.items()}
    return {**found, _PREDECODED: predecoded}


class OutriderDecoder(sinter.Decoder):
    """A decoder by its kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def compile(self, model: Model) -> Decoder | Likelihood | Trellis:
        return Decoder(MatchingGraph(model, correlations=self.kind == "mwpm-correlated"), self.kind)

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> "CompiledOutriderDecoder":
        return CompiledOutriderDecoder(self.compile(Model(dem)))

    def decode_via_files(
        self,
        *,
        num_shots: int,
        num_dets: int,
        num_obs: int,
        dem_path: pathlib.Path,
        dets_b8_in_path: pathlib.Path,
        obs_predictions_b8_out_path: pathlib.Path,
        tmp_dir: pathlib.Path,
    ) -> None:
        model = Model.from_file(dem_path)
        if (model.num_detectors, model.num_observables) != (num_dets, num_obs):
            raise ValueError(
                f"{dem_path}: expected {num_dets} detectors and {num_obs} observables, "
                f"found {model.num_detectors} and {model.num_observables}"
            )
        compiled = CompiledOutriderDecoder(self.compile(model))
        row_bytes = (num_dets + 7) // 8
        with (
            open(dets_b8_in_path, "rb") as detections,
            open(obs_predictions_b8_out_path, "wb") as predictions,
        ):
            for first in range(0, num_shots, _BLOCK_SHOTS):
                shots = min(_BLOCK_SHOTS, num_shots - first)
                data = detections.read(shots * row_bytes)
                if len(data) != shots * row_bytes:
                    found = first + len(data) // row_bytes
                    raise ValueError(f"{dets_b8_in_path}: expected {num_shots} shots, found {found}")
                rows = np.frombuffer(data, dtype=np.uint8).reshape(shots, row_bytes)
                answers = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=rows)
                predictions.write(answers.tobytes())


class SumDecoder(OutriderDecoder):
    """A sum: over all errors of the model, or over likely ones where matching is unsure."""

    def compile(self, model: Model) -> Likelihood | Trellis:
        return Trellis(model) if self.kind == "trellis" else Likelihood(model)


class PredecodedDecoder(OutriderDecoder):
    """Exact matching after a pre-decoder, used softly."""

    def __init__(self, predecoder: str | os.PathLike[str] | None) -> None:
        super().__init__("mwpm")
        self.predecoder = None if predecoder is None else os.fspath(predecoder)

    def source(self) -> str:
        """What names the pre-decoder. ValueError if nothing does."""
        source = self.predecoder or os.environ.get(_PREDECODER_VARIABLE)
        if not source:
            raise ValueError(
                f"{_PREDECODED}: no pre-decoder; set {_PREDECODER_VARIABLE} to rule:NAME or "
                "a network's file, or call sinter_decoders(predecoder=...) with it"
            )
        return source

    def fault(self) -> str | None:
        """Why there will be no pre-decoder, as far as that can be seen without a model."""
        model = Model("error(0.1) D0")
        try:
            source = self.source()
            if source.startswith(_RULE):
                _predecoder(source, model, MatchingGraph(model))
            else:
                open(source, "rb").close()
        except (OSError, ValueError) as error:
            return str(error)
        return None

    def compile(self, model: Model) -> Decoder:
        source = self.source()
        graph = MatchingGraph(model)
        return Decoder(graph, self.kind, predecoder=_predecoder(source, model, graph))


class CompiledOutriderDecoder(sinter.CompiledDecoder):
    """A decoder ready for one model."""

    def __init__(self, decoder: Decoder | Likelihood | Trellis) -> None:
        self.decoder = decoder

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: np.ndarray) -> np.ndarray:
        return self.decoder.decode_batch(
            bit_packed_detection_event_data, bit_packed_shots=True, bit_packed_predictions=True
        )


def _predecoder(source: str, model: Model, graph: MatchingGraph) -> Predecoder:
    if source.startswith(_RULE):
        return Predecoder.rule(source.removeprefix(_RULE), model, graph)
    return Predecoder.from_file(source, model, graph)
