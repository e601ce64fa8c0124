"""One process or several: `torchrun --nproc-per-node N -m outrider_train train ...`.

Every process takes its part of each step's shots and the gradients are added up, so the sum is that of one process.
"""

import os

import torch
from torch import distributed

from .errors import TrainingError


class Ranks:
    """This process among all."""

    def __init__(self, device: str):
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = _device(device)
        if self.size > 1:
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    @property
    def first(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    def part(self, count: int) -> range:
        """This process's part of so many shots."""
        return range(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def add(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def agree(self, value: float) -> float:
        """The first process's value."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return float(shared)

    def close(self) -> None:
        """Ends what __init__ began."""
        if self.size > 1:
            distributed.destroy_process_group()


def _device(name: str) -> torch.device:
    local = os.environ.get("LOCAL_RANK")
    try:
        device = torch.device(f"cuda:{local}" if name == "cuda" and local else name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(f"--device {name}: {str(error).splitlines()[0]}") from None
    return device
