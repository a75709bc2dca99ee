"""One file for machines without a network: the checkout, what its rules would download, and every package.

Fetches through the workflow's own rules, so that checksums are verified and a mirror is used, and asks pip for the pins
of envs/ as wheels. Writes a tar file, whole or not at all, whose members all lie in kanrepro/:

    Snakefile, workflow/, ...   the files that git tracks, as they are now
    resources/downloads/...     the archives of the data sets of the configuration
    wheels/*.whl                the packages, for one version of Python on Linux; wheels/python.txt says which
    manifest-sha256.txt         SHA-256 of every other member, as `sha256sum --check` reads it

There: tar xf kanrepro-offline.tar && make -C kanrepro offline-setup (docs/cluster.md).
"""

import hashlib
import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import atomic, sha256
from kanrepro.core.parser import stage_parser
from kanrepro.plan.jobs import jobs

REQUIREMENTS = ("envs/requirements.txt", "envs/slurm.txt")
FOLDER = "kanrepro"
MANIFEST = "manifest-sha256.txt"
GLIBC = range(35, 4, -1)  # minor versions of glibc 2 whose wheels an ordinary cluster of today can load, newest first


def pack(output: Path, options: Sequence[str], requirements: Sequence[Path], python: str, root: Path = Path()) -> int:
    """Write the file; returns the number of its members.

    Args:
        options: of Snakemake, such as --config preset=paper: whose data sets go along.
        python: version that will run there, such as 3.12.

    Raises:
        UserError: not a git checkout, a download or a package that cannot be had, or no room.
    """
    files = {name: root / name for name in tracked(root)}
    files |= {name: root / name for name in downloads(root, options)}
    with tempfile.TemporaryDirectory(prefix=".wheels-", dir=output.resolve().parent) as folder:
        for wheel in wheels(Path(folder), requirements, python):
            files[f"wheels/{wheel.name}"] = wheel
        made = {"wheels/python.txt": f"Python {python} on Linux {platform.machine()}\n".encode()}
        write(output, files, made)
    return len(files) + len(made) + 1


def tracked(root: Path) -> list[str]:
    """The files of the checkout that git tracks and that are there.

    Raises:
        UserError: git does not know the folder.
    """
    try:
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"{root.resolve()} is not a git checkout. Pack in a clone of the repository.") from None
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def downloads(root: Path, options: Sequence[str]) -> list[str]:
    """Fetch what the configuration needs from the network; returns the paths.

    Raises:
        UserError: the configuration is at fault, or a download failed.
    """
    wanted = {path for job in jobs(["downloads"], ["--forceall", *options], 1, root) for path in job.outputs}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    words = ["snakemake", "downloads", "--cores", "1", *options]
    if wanted and subprocess.run(words, cwd=root, env={**os.environ, "PATH": path}).returncode:
        raise UserError("some downloads failed: see above. What is there already is not fetched again.")
    return sorted(wanted)


def wheels(folder: Path, requirements: Sequence[Path], python: str) -> list[Path]:
    """All packages that the requirements name or need, as wheels for `python` on Linux, in `folder`.

    Raises:
        UserError: one cannot be had, or only as source that has to be compiled there.
    """
    here = python == f"{sys.version_info.major}.{sys.version_info.minor}" and sys.platform == "linux"
    target = [] if here else ["--python-version", python, "--implementation", "cp"]
    target += [] if here else [f"--platform=manylinux_2_{minor}_{platform.machine()}" for minor in GLIBC]
    given = [word for path in requirements for word in ("--requirement", str(path))]
    to = ["--dest", str(folder), *target, *given]
    pip("download", "--no-deps", *to)  # the pins, some of which are published as source alone
    for source in [path for path in folder.iterdir() if path.suffix != ".whl"]:
        pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
        source.unlink()
    pip("download", "--only-binary=:all:", "--find-links", str(folder), *to)  # what PyTorch needs, and pins itself
    found = sorted(folder.glob("*.whl"))
    compiled = [wheel.name for wheel in found if "-linux_" in wheel.name or "-macosx_" in wheel.name]
    if compiled and not here:
        raise UserError(
            f"{compiled[0]} had to be compiled, for this machine alone. Pack with Python {python} on Linux."
        )
    return found


def pip(*words: str) -> None:
    """Run this Python's pip.

    Raises:
        UserError: it failed; its last line.
    """
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", words[0], "--quiet", *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise UserError(f"pip {words[0]}: {said[-1].removeprefix('ERROR: ')}")


def write(output: Path, files: Mapping[str, Path], made: Mapping[str, bytes]) -> None:
    """The tar file of files and of content made here, with its manifest."""
    digests = {name: sha256(path) for name, path in files.items()}
    digests |= {name: hashlib.sha256(content).hexdigest() for name, content in made.items()}
    manifest = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()
    with atomic(output) as temporary, tarfile.open(temporary, "w") as archive:
        for name, content in {MANIFEST: manifest, **made}.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name in sorted(files):
            archive.add(files[name].resolve(), f"{FOLDER}/{name}", recursive=False, filter=_nobodys)


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the name of whoever packs."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def main(argv: Sequence[str] | None = None) -> None:
    """Pack: see `python -m kanrepro.bundle.offline --help`."""
    parser = stage_parser(
        "Pack the checkout, its data and its packages into one file for a machine without a network.",
        epilog="There: tar xf kanrepro-offline.tar && make -C kanrepro offline-setup",
    )
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser.add_argument("--output", type=Path, default=Path("kanrepro-offline.tar"), help="(default: %(default)s)")
    parser.add_argument("--python", default=running, metavar="3.N", help="that will run there (default: %(default)s)")
    parser.add_argument(
        "--requirements", type=Path, nargs="+", default=[Path(name) for name in REQUIREMENTS], metavar="FILE"
    )
    parser.add_argument("--config", nargs="+", default=[], metavar="KEY=VALUE", help="as for snakemake: whose data")
    parser.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help="as for snakemake")
    arguments = parser.parse_args(argv)
    options = []
    for name in ("configfile", "config"):
        options += [f"--{name}", *getattr(arguments, name)] if getattr(arguments, name) else []
    count = pack(arguments.output, options, arguments.requirements, arguments.python)
    print(f"{arguments.output}: {count} files, {arguments.output.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    cli(main)
