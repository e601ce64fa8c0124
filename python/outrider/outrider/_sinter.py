"""outrider as a plug-in of sinter. Decoders are pickled to sinter's workers and compiled there."""

import pathlib

import numpy as np
import sinter
import stim

from ._outrider import Decoder, MatchingGraph, Model

_BLOCK_SHOTS = 4096


def decoders() -> dict[str, sinter.Decoder]:
    return {f"outrider-{kind}": OutriderDecoder(kind) for kind in ["mwpm", "mwpm-correlated", "union-find"]}


class OutriderDecoder(sinter.Decoder):
    """A decoder by its kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def compile_decoder_for_dem(self, *, dem: stim.DetectorErrorModel) -> "CompiledOutriderDecoder":
        return self._compile(Model(str(dem)))

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
        compiled = self._compile(model)
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

    def _compile(self, model: Model) -> "CompiledOutriderDecoder":
        graph = MatchingGraph(model, correlations=self.kind == "mwpm-correlated")
        return CompiledOutriderDecoder(Decoder(graph, self.kind))


class CompiledOutriderDecoder(sinter.CompiledDecoder):
    """A decoder ready for one model."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    def decode_shots_bit_packed(self, *, bit_packed_detection_event_data: np.ndarray) -> np.ndarray:
        return self.decoder.decode_batch(
            bit_packed_detection_event_data, bit_packed_shots=True, bit_packed_predictions=True
        )
