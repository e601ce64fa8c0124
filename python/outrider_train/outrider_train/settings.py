"""What defines a run."""

from dataclasses import dataclass, field

from .circuits import Circuit, Recipe, parse
from .finding import find_lattice
from .geometry import Lattice
from .network import DEFAULT_OFFSET

DEFAULT_DATA = ("stim d=5,7,9 p=0.003,0.0045,0.006,0.0075 basis=x,z",)


@dataclass(frozen=True)
class Settings:
    """The command line's options of the same names."""

    data: list[str] = field(default_factory=list)
    dem: list[str] = field(default_factory=list)
    pitch: list[int] | None = None
    kind_rule: list[int] | None = None
    transposed: list[int] | None = None
    untied: bool = False
    radius: int = 3
    width: int = 16
    layers: int = 3
    minutes: float | None = None
    sampled_shots: float | None = None
    steps: list[int] | None = None
    gap_share: float = 0.6
    rate: float = 3e-3
    gap_rate: float = 2e-3
    events: int = 3000
    gap_events: int = 12000
    gap_limit: float = 4.0
    gap_weight: float = 12.5
    gap_balance: float = 0.0
    screen: float = 6.0
    screen_most: float = 16.0
    taught: list[str] = field(default_factory=list)
    targets: str = "ratios"
    taught_weight: float = 40.0
    gap_scale: float = 0.5
    shots: list[str] = field(default_factory=list)
    shots_format: str = "b8"
    obs: list[str] = field(default_factory=list)
    obs_format: str = "01"
    shots_fold: str | None = None
    held_out: float = 0.2
    passes: int = 30
    patience: int = 5
    shots_rate: float = 2e-4
    shots_events: int = 4000
    shots_beside: float = 1 / 16
    keep: float = 1 / 16
    offset: float = DEFAULT_OFFSET
    quantise_from: float = 0.8
    average: float = 0.999
    seed: int = 0
    watch: list[str] = field(default_factory=list)
    watch_shots: int = 20000

    def lattice(self, circuits: list[Circuit]) -> Lattice:
        """The lattice that these settings describe, or that of the circuits."""
        if self.pitch is None and self.kind_rule is None:
            return find_lattice(circuits, self.transposed, self.untied, self.radius)
        transposed = tuple(self.transposed or Lattice.transposed)
        sets = tuple(range(len(transposed))) if self.untied else (0,) * len(transposed)
        pitch, rule = tuple(self.pitch or Lattice.pitch), tuple(self.kind_rule or Lattice.kind_rule)
        return Lattice(pitch, rule, transposed, sets, self.radius)

    def recipes(self) -> list[Recipe]:
        """Every circuit to train on."""
        files = [Recipe("dem", file=file) for file in self.dem]
        return [recipe for text in self.data for recipe in parse(text)] + files

    def shares(self) -> tuple[float, float]:
        """Of the run, the two phases'."""
        gap = self.gap_share
        if self.steps and 0 in self.steps:
            gap = float(self.steps[0] == 0)
        return 1 - gap, gap
