"""The container image as people get it: built by buildah, run by podman, in a store that nothing else here uses."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real.parts import run

BASE = "localhost/base"

_NOT_IN_A_BASE = (
    *("./dev/*", "./var/cache/apt", "./var/lib/apt"),
    *("./usr/share/doc", "./usr/share/locale", "./usr/share/man"),  # as in the slim ones
)

# Every package from one folder, whatever the index of this machine: the build then reaches no network.
_PIP_CONFIG = "[global]\nno-index = true\nfind-links = /wheels\n"

_LOCKED_DOWN = (
    *("--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
    *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"),  # those of podman's own may be above ours
    "--http-proxy=false",
)


@dataclass(frozen=True, slots=True)
class Engine:
    """Buildah and podman over one store of images and containers."""

    folder: Path

    def take_in(self, tree: Path) -> None:
        """Make a Debian tree the image `BASE`."""
        archive = self.folder / "base.tar"
        left_out = (f"--exclude={path}" for path in _NOT_IN_A_BASE)
        run("tar", "--directory", str(tree), *left_out, "--create", "--file", str(archive), ".")
        self.podman("import", "--quiet", str(archive), BASE)
        archive.unlink()

    def build(self, context: Path, wheels: Path, name: str) -> str:
        """Build the project's image on `BASE`, with this folder of wheels for an index. Gives the image's name."""
        config = self.folder / "pip.conf"
        config.write_text(_PIP_CONFIG, encoding="utf-8")
        where = ("--isolation", "chroot", "--network", "host", "--pull-never", "--no-cache", "--format", "docker")
        mounted = ("--volume", f"{config}:/etc/pip.conf:ro", "--volume", f"{wheels}:/wheels:ro")
        what = ("--timestamp", "0", "--build-arg", f"BASE={BASE}", "--tag", name, str(context))
        run("buildah", *self._places(), "build", "--quiet", *where, *mounted, *what)
        return f"localhost/{name}"

    def digest(self, image: str) -> str:
        """The digest of an image as OCI has it; buildah's other format names the container that it was built in."""
        place, written = self.folder / "copy", self.folder / "digest"
        self.podman("push", "--quiet", "--format", "oci", "--digestfile", str(written), image, f"dir:{place}")
        shutil.rmtree(place)
        return written.read_text(encoding="utf-8")

    def size(self, image: str) -> int:
        """The bytes of an image's layers, uncompressed."""
        return int(self.podman("image", "inspect", "--format", "{{.Size}}", image))

    def podman(self, *arguments: str) -> str:
        """What a podman command prints."""
        return run(*self.command(*arguments)).strip()

    def command(self, *arguments: str) -> tuple[str, ...]:
        """A podman command that needs no systemd: neither its control groups, nor its timers, nor its journal."""
        alone = ("--cgroup-manager", "cgroupfs", "--events-backend", "none", "--tmpdir", str(self.folder / "tmp"))
        start = ("env", "DISABLE_HC_SYSTEMD=true", "podman", "--runtime", "runc")
        return (*start, *alone, *self._places(), *arguments)

    def _places(self) -> tuple[str, ...]:
        return "--root", str(self.folder / "store"), "--runroot", str(self.folder / "run")


@dataclass(frozen=True, slots=True)
class Container:
    """A running container."""

    engine: Engine
    name: str

    def python(self, program: str) -> str:
        """What a program for the image's own interpreter prints, run beside what runs there."""
        return self.run("python3", "-I", "-c", program)

    def run(self, *command: str) -> str:
        """What another command in the container prints."""
        return self.engine.podman("exec", self.name, *command)

    def is_healthy(self) -> bool:
        """What the image's health check says, which can be asked of a running container only."""
        command = self.engine.command("healthcheck", "run", self.name)
        check = subprocess.run(command, capture_output=True, timeout=20, check=False)
        assert check.returncode in {0, 1}, f"{check.stderr.decode()}{self.logs()}"
        return check.returncode == 0

    def stop(self) -> int:
        """Stop it as an engine does, with twenty seconds before it is killed. Gives the exit code."""
        self.engine.podman("stop", "--time", "20", self.name)
        return int(self.engine.podman("inspect", "--format", "{{.State.ExitCode}}", self.name))

    def logs(self) -> str:
        """What it has written to both of its streams."""
        command = self.engine.command("logs", self.name)
        streams = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, check=True)
        return streams.stdout.decode()


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine with an empty store, of which nothing is left in the end."""
    folder = Path(tempfile.mkdtemp(prefix="engine-"))  # podman takes no path above 50 characters, as pytest's may be
    try:
        yield Engine(folder)
    finally:
        # The driver mounts its folder upon itself, which no comparison of devices shows, and may still be letting go.
        subprocess.run(("umount", "--lazy", str(folder / "store" / "overlay")), capture_output=True, check=False)
        shutil.rmtree(folder)


@contextmanager
def running(
    engine: Engine, name: str, image: str, *options: str, arguments: tuple[str, ...] = ()
) -> Iterator[Container]:
    """A container of an image that may do as little as ours needs, with its command or with these arguments."""
    try:
        engine.podman("run", "--detach", "--name", name, *_LOCKED_DOWN, *options, image, *arguments)
        yield Container(engine, name)
    finally:
        engine.podman("rm", "--force", "--ignore", "--time", "0", name)


def wheels(requirements: Path, python: str, folder: Path) -> Path:
    """A folder with each requirement's wheel for this version of Python, from this machine's index, hashes checked."""
    download = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes")
    what = ("--only-binary", ":all:", "--python-version", python, "--requirement", str(requirements))
    run(*download, *what, "--dest", str(folder))
    return folder


def eventually(happened: Callable[[], bool], container: Container) -> None:
    """Wait for something that a container does, twenty seconds at most."""
    end = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end, container.logs()
        time.sleep(0.1)
