"""The program outrider, for callers who know it as pymatching's."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence


def cli(*, command_line_args: "Sequence[str | os.PathLike[str]]") -> int:
    """Runs the program outrider, whose commands predict and count_mistakes take PyMatching's flags.

    It is looked for beside Python's other programs, then on the path. Returns its exit status.
    FileNotFoundError if there is none.
    """
    program = shutil.which("outrider", path=sysconfig.get_path("scripts")) or shutil.which("outrider")
    if program is None:
        raise FileNotFoundError("the program outrider is not beside Python's other programs, nor on the path")
    arguments = [os.fspath(argument) for argument in command_line_args]
    return subprocess.run([program, *arguments], check=False).returncode


def cli_argv() -> int:
    """The same with the arguments of this process."""
    return cli(command_line_args=sys.argv[1:])
