"""A machine of its own: a real systemd as the first process over a Debian tree, with the project laid into it.

It has namespaces and a control group of its own, but the host's network: what serves on loopback here, it can ask.
Nothing is written to the tree below it, and with its first process all of it is gone.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import cleaner
from tests.daemon.process import wait_for

UNIT = "registry-cleaner.service"
PROJECT = Path(cleaner.__file__).parent.parent

_PATIENCE = 30.0  # seconds

_BINDS = {
    "opt/project": PROJECT,
    "opt/python": Path(sys.base_prefix),
    "opt/packages": Path(sysconfig.get_path("purelib")),
}
"""What is mounted into it, read-only: by the path in it, the path here. The unit sees nothing that lies in a home."""

LAUNCHER = f"""\
#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/project:/opt/packages
exec /opt/python/bin/python{sys.version_info.major}.{sys.version_info.minor} \\
  -c 'from cleaner.cli.main import main; main()' "$@"
"""
"""Stands in for the command of a virtual environment, whose own names the paths of this machine."""

_GROUP = """\
mount -t tmpfs tmpfs {place} && mkdir {place}/group {place}/upper {place}/work {place}/root
mount -t cgroup2 cgroup2 {place}/group && mkdir {place}/group/{name} && echo $$ > {place}/group/{name}/cgroup.procs
exec unshare --pid --uts --ipc --cgroup --fork --kill-child sh -euc {boot}
"""
"""In a mount namespace of its own: a control group, and in it all the rest."""

_BOOT = """\
umount {place}/group
mount -t overlay overlay -o lowerdir={layer}:{base},upperdir={place}/upper,workdir={place}/work {place}/root
cd {place}/root
{binds}
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
pivot_root . tmp
umount -l /tmp
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  /lib/systemd/systemd --unit=basic.target --log-target=console --show-status=false
"""

_SWEEP = """\
mount -t cgroup2 cgroup2 {place}
test ! -d {place}/{name} || find {place}/{name} -depth -type d -exec rmdir {{}} + 2>/dev/null
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A running machine, by the id that its first process has here."""

    first: int

    def run(self, *command: str) -> str:
        """What a command prints in there; its complaint is in the failure where it does not exit 0."""
        result = self.attempt(*command)
        assert result.returncode == 0, f"{shlex.join(command)}: {result.stderr or result.stdout}\n{self.journal()}"
        return result.stdout

    def attempt(self, *command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """The same, however it ends."""
        inside = ("nsenter", f"--target={self.first}", "--all", "--root", "--wd")
        return subprocess.run((*inside, *command), input=typed, capture_output=True, text=True, timeout=60, check=False)

    def write(self, path: str, content: str) -> None:
        """Write a file in there."""
        assert self.attempt("tee", path, typed=content).returncode == 0

    def is_up(self) -> bool | None:
        """True, once it has booted."""
        return self.attempt("systemctl", "is-active", "basic.target").returncode == 0 or None

    def show(self, name: str) -> str:
        """A property of the unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", UNIT).strip()

    def journal(self) -> str:
        """The last that the unit's process has written."""
        return self.attempt("journalctl", "--lines=30", "--output=cat", f"--unit={UNIT}").stdout


@contextmanager
def booted(base: Path, folder: Path, files: Mapping[str, str]) -> Iterator[Machine]:
    """A machine over the tree `base` and these files, until the end of the block; `folder` gets all that it needs."""
    place, name = folder / "machine", f"registry-cleaner-{os.getpid()}"
    _lay(folder / "layer", files)
    place.mkdir()
    boot = _BOOT.format(place=place, layer=folder / "layer", base=base, binds="\n".join(map(_bind, _BINDS)))
    group = _GROUP.format(place=place, name=name, boot=shlex.quote(boot))
    with (folder / "console.log").open("w") as console:
        process = _alone(group, stdout=console)
    try:
        machine = Machine(wait_for(lambda: _first(process), "the machine's first process", _PATIENCE))
        wait_for(machine.is_up, "the machine's boot", _PATIENCE)
        yield machine
    finally:
        process.kill()
        process.wait()
        sweep = _SWEEP.format(place=place, name=name)
        wait_for(lambda: _alone(sweep).wait() == 0 or None, "the end of the machine's processes", _PATIENCE)


def _lay(layer: Path, files: Mapping[str, str]) -> None:
    for path in _BINDS:
        (layer / path).mkdir(parents=True)
    for path, content in files.items():
        (layer / path).parent.mkdir(parents=True, exist_ok=True)
        (layer / path).write_text(content)
        (layer / path).chmod(0o755 if content.startswith("#!") else 0o644)


def _bind(path: str) -> str:
    return f"mount --bind {shlex.quote(str(_BINDS[path]))} {path} && mount -o remount,bind,ro {path}"


def _alone(script: str, stdout: IO[str] | None = None) -> subprocess.Popen[bytes]:
    """A script whose mounts nobody else sees."""
    command = ("unshare", "--mount", "--propagation=private", "sh", "-euc", script)
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.STDOUT)


def _first(process: subprocess.Popen[bytes]) -> int | None:
    """The first process of the machine, once there is one."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return next((int(child) for child in children if _numbers(child).endswith("\t1")), None)


def _numbers(process: str) -> str:
    """The ids of a process, in this machine and in the namespaces below; nothing, once it has ended."""
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text()
        return next(line for line in status.splitlines() if line.startswith("NSpid:"))
    return ""
