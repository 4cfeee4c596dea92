"""A machine without anything of ours on it: a Debian in a folder, or where that cannot be had an environment that knows nothing.

The Debian is made by debootstrap, entered by chroot, and has a user without rights; it shares the loopback of this machine, so
that stores which run here can be reached. It needs root, debootstrap and a mirror. Without them it is a folder, an empty
home and a path without the checkout, of the user who runs the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PACKAGES = "python3,python3-venv,ca-certificates,curl"
_SHARED = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt")
"""What a machine of this network has: its names, and whom it trusts."""
_USER = 1500
_KEPT = ("PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")


@dataclass(frozen=True, slots=True)
class Machine:
    """One, until its folder is taken away."""

    folder: Path
    """Its root, as this machine sees it."""
    debian: bool

    @property
    def told(self) -> str:
        """What it is."""
        return "a Debian of its own (debootstrap)" if self.debian else "a fresh environment of this machine"

    @property
    def root(self) -> str:
        """What it must put in front of its own paths."""
        return "" if self.debian else str(self.folder)

    @property
    def owner(self) -> str:
        """Who works on it; empty: whoever runs the tests."""
        return f"{_USER}:{_USER}" if self.debian else ""

    def take(self, file: Path) -> str:
        """Put a copy of a file or folder on it; its path there."""
        place = self.folder / "srv" / file.name
        place.parent.mkdir(exist_ok=True)
        if file.is_dir():
            shutil.copytree(file, place)
        else:
            shutil.copy(file, place)
        return f"{self.root}/srv/{file.name}"

    def bash(
        self, words: list[str], environ: Mapping[str, str], *, within: float, root: bool = False
    ) -> tuple[int, str]:
        """Run a script to its end: its exit code, and all that it printed."""
        command = ["bash", *words]
        if self.debian:
            who = [] if root else [f"--userspec={self.owner}"]
            command = ["chroot", *who, str(self.folder), *command]
        path = "/usr/sbin:/usr/bin:/bin" if self.debian else f"{sys.base_prefix}/bin:/usr/bin:/bin"
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        home = {"HOME": f"{self.root}/home", "PATH": path, "LANG": "C.UTF-8", "TMPDIR": f"{self.root}/tmp"}
        home["PIP_NO_CACHE_DIR"] = "1"  # it would be pip's own to take away
        with tempfile.TemporaryFile("w+") as out:  # a pipe would be waited for as long as anybody holds it
            done = subprocess.run(
                command,
                env={**kept, **home, "OWNER": self.owner, "ROOT": self.root, **environ},
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=within,
                check=False,
            )
            out.seek(0)
            return done.returncode, out.read()

    def files(self) -> set[str]:
        """Every file and folder that there is."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


def clean_machine(folder: Path) -> Machine:
    """Make one in a folder that is not there yet."""
    debian = os.geteuid() == 0 and shutil.which("debootstrap") is not None and _debian(folder)
    if not debian:
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("srv", "home", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if debian:
        for shared in _SHARED:
            if Path(shared).exists():
                shutil.copy(shared, folder / shared[1:])
        os.chown(folder / "home", _USER, _USER)
    return Machine(folder, debian)


def _debian(folder: Path) -> bool:
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return made.returncode == 0
