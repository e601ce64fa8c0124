"""A private name of PyMatching's that its tests import."""

from outrider._cli import cli_argv

__all__ = ["cli_argv"]
