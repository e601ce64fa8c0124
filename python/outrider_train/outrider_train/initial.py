"""A network to start training from: the float weights of a network file or a checkpoint."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from . import checkpoint
from .errors import TrainingError
from .export import FLOAT, describe_run, read, stages
from .geometry import Geometry
from .network import EventNetwork


@dataclass(frozen=True)
class Initial:
    """Weights by name, the geometry that they were trained for as tensors of a network file, and the runs that made
    them."""

    path: Path
    weights: dict[str, torch.Tensor]
    geometry: dict[str, np.ndarray]
    stages: list[dict]

    @staticmethod
    def read(path: Path) -> "Initial":
        """From a network file by its suffix .safetensors, else from a checkpoint."""
        if path.suffix != ".safetensors":
            state = checkpoint.load(path)
            with checkpoint.damage_reported(path):
                geometry = Geometry.from_dict(state["geometry"]).tensors()
                return Initial(path, state["average"], geometry, stages(describe_run(state)))
        tensors, card = read(path)
        weights = {
            name.removeprefix(FLOAT): torch.from_numpy(value.copy())
            for name, value in tensors.items()
            if name.startswith(FLOAT)
        }
        if not weights:
            raise TrainingError(f"{path}: holds no float network to go on from")
        return Initial(path, weights, tensors, stages(card))

    def load_into(self, network: EventNetwork) -> None:
        """Gives the network these weights. A wider or deeper one has them in its first channels and layers; the rest
        changes no answer before it is trained."""
        for name, value in network.geometry.tensors().items():
            if name != "plane" and not np.array_equal(_in_sites(name, self.geometry.get(name)), _in_sites(name, value)):
                raise TrainingError(f"--init: {self.path} was made for other edges or another lattice")
        small = self._small(network)
        if small.width > network.width or small.layers > network.layers:
            raise TrainingError(
                f"--init: the network in {self.path} has width {small.width} and {small.layers} layers, "
                f"more than --width {network.width} --layers {network.layers}"
            )
        _grow(small, network)

    def _small(self, network: EventNetwork) -> EventNetwork:
        """The network of these weights."""
        layers = sum(name.startswith("relations.") for name in self.weights)
        try:
            small = EventNetwork(network.geometry, len(self.weights["noise_embed"]), layers)
            small.load_state_dict(self.weights)
        except (RuntimeError, LookupError, TypeError, TrainingError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise TrainingError(f"--init: the network in {self.path} has another form: {reason}") from None
        return small


def _in_sites(name: str, tensor: np.ndarray | None) -> np.ndarray | None:
    """What a tensor of the geometry says of sites, whatever the coordinates."""
    return tensor[3:] if name == "lattice" and tensor is not None else tensor


def _grow(small: EventNetwork, network: EventNetwork) -> None:
    """Copies a network into a larger one. What added channels say to the old ones, and anything in added layers, is
    zero; what they hear is random, so that they learn."""
    weights = small.state_dict()
    with torch.no_grad():
        for name, target in network.named_parameters():
            if name not in weights:
                target.zero_()
                continue
            source = weights[name]
            if target.ndim == 3:
                target[:, source.shape[1] :, : source.shape[2]] = 0
            target[tuple(map(slice, source.shape))] = source
