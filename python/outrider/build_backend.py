"""Builds the package: maturin's wheel, with the program outrider for the folder of Python's programs.

maturin makes a wheel of an extension module, or one of programs. So it is asked for both, and the program joins the
wheel of the module. Both get the arguments of MATURIN_PEP517_ARGS, --compatibility among them, which maturin checks
against the symbols of either.

In the same way the sources of the program join maturin's archive of those of the module.
"""

import base64
import gzip
import hashlib
import io
import pathlib
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from typing import Any

import maturin
from maturin import (
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

_MANIFEST = "bins/outrider/Cargo.toml"
# The root of the repository, or of the archive of sources, where this file is.
_ROOT = next(folder for folder in pathlib.Path(__file__).resolve().parents if (folder / _MANIFEST).is_file())
# What the program is made of beside the crates that maturin finds for the module.
_PROGRAM_SOURCES = [_MANIFEST, "bins/outrider/data/**/*", "bins/outrider/src/**/*", "models/event-stim.safetensors"]


def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    sdist = maturin.build_sdist(sdist_directory, config_settings)
    _add_sources(pathlib.Path(sdist_directory, sdist))
    return sdist


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    wheel = maturin.build_wheel(wheel_directory, config_settings, metadata_directory)
    _add_program(pathlib.Path(wheel_directory, wheel), config_settings)
    return wheel


def build_editable(
    wheel_directory: str,
    config_settings: Mapping[str, Any] | None = None,
    metadata_directory: str | None = None,
) -> str:
    wheel = maturin.build_editable(wheel_directory, config_settings, metadata_directory)
    _add_program(pathlib.Path(wheel_directory, wheel), config_settings)
    return wheel


def _add_sources(sdist: pathlib.Path) -> None:
    archive = io.BytesIO(gzip.decompress(sdist.read_bytes()))
    files = sorted(path for pattern in _PROGRAM_SOURCES for path in _ROOT.glob(pattern) if path.is_file())
    with tarfile.open(fileobj=archive, mode="a") as tar:
        top, _, _ = tar.getnames()[0].partition("/")
        for path in files:
            content = path.read_bytes()
            info = tarfile.TarInfo(f"{top}/{path.relative_to(_ROOT).as_posix()}")
            info.size = len(content)
            info.mtime = tar.getmembers()[0].mtime
            tar.addfile(info, io.BytesIO(content))
    sdist.write_bytes(gzip.compress(archive.getvalue(), mtime=0))


def _add_program(wheel: pathlib.Path, config_settings: Mapping[str, Any] | None) -> None:
    arguments = maturin.get_maturin_pep517_args(config_settings)
    if not {"--compatibility", "--manylinux"}.intersection(arguments):
        arguments = ["--compatibility", "off", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        command = ["maturin", "build", "--release", "--bindings", "bin", "--manifest-path", str(_ROOT / _MANIFEST)]
        subprocess.run([*command, "--out", folder, *arguments], check=True)
        (programs,) = pathlib.Path(folder).glob("*.whl")
        if _platform(programs) != _platform(wheel):
            raise RuntimeError(
                f"the program is for {_platform(programs)}, the module for {_platform(wheel)}: "
                "name one of them by --compatibility in MATURIN_PEP517_ARGS"
            )
        joined = pathlib.Path(folder, "joined")
        _join(wheel, programs, joined)
        wheel.write_bytes(joined.read_bytes())


def _platform(wheel: pathlib.Path) -> str:
    return wheel.stem.rpartition("-")[2]


def _join(wheel: pathlib.Path, programs: pathlib.Path, joined: pathlib.Path) -> None:
    """Writes a wheel with what is in one, and the scripts of another one."""
    with (
        zipfile.ZipFile(wheel) as module,
        zipfile.ZipFile(programs) as others,
        zipfile.ZipFile(joined, "w") as archive,
    ):
        (record,) = [info for info in module.infolist() if info.filename.endswith(".dist-info/RECORD")]
        package = record.filename.removesuffix(".dist-info/RECORD")
        rows = module.read(record)
        for info in module.infolist():
            if info is not record:
                archive.writestr(info, module.read(info))
        for info in others.infolist():
            _, is_script, name = info.filename.partition(".data/scripts/")
            if is_script:
                content = others.read(info)
                info.filename = f"{package}.data/scripts/{name}"
                archive.writestr(info, content)
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                rows += f"{info.filename},sha256={digest},{len(content)}\n".encode()
        archive.writestr(record, rows)
