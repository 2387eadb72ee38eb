"""What a server installs: the wheel, built from the sdist, away from the checkout, and the demo that it plays."""

import json
import re
import signal
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from newsletter import __version__
from tests.kit.timeouts import SECONDS

pytestmark = pytest.mark.xdist_group("processes")

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}  # no PYTHONPATH: it would lead back to the checkout
LISTING_MODULES = """
import atexit, json, sys
from pathlib import Path

def note():
    files = sorted({m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)})
    Path("modules.json").write_text(json.dumps(files))

atexit.register(note)
from newsletter.cli import main
main()
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """A virtual environment with the wheel, and the folder in which its demo was played."""

    sdist: Path
    wheel: Path
    bin: Path
    site_packages: Path
    folder: Path
    said: str

    def modules(self) -> list[Path]:
        """Where every module came from that the demo imported."""
        return [Path(name) for name in json.loads((self.folder / "modules.json").read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own, with the dependencies of ours; its demo was played once."""
    place = tmp_path_factory.mktemp("wheel")
    sdist = build("sdist", source=ROOT, into=place)
    with tarfile.open(sdist) as archive:
        archive.extractall(place / "unpacked", filter="data")
    (unpacked,) = (place / "unpacked").iterdir()
    wheel = build("wheel", source=unpacked, into=place)
    run(sys.executable, "-m", "venv", "--without-pip", str(place / "venv"), cwd=place)
    bin_ = place / "venv" / "bin"
    run(sys.executable, "-m", "pip", "--python", str(bin_ / "python"), "install", "--quiet", "--no-deps", "--no-index",
        "--no-compile", "--disable-pip-version-check", str(wheel), cwd=place)  # fmt: skip
    (site_packages,) = (place / "venv" / "lib").glob("python*/site-packages")
    # The folder alone: what its .pth files name, such as our checkout, is not followed from here.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    folder = place / "empty"
    folder.mkdir()
    said = run(str(bin_ / "python"), "-c", LISTING_MODULES, "demo", "--port", "0", cwd=folder)
    return Installed(sdist, wheel, bin_, site_packages, folder, said)


def build(target: str, *, source: Path, into: Path) -> Path:
    """Build a wheel or an sdist of this folder, with the build backend that is installed here."""
    run(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into), cwd=source)
    (built,) = (path for path in into.iterdir() if path.suffix == {"sdist": ".gz", "wheel": ".whl"}[target])
    return built


def run(*command: str, cwd: Path) -> str:
    """What this command prints. It must end well."""
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked(*folders: str) -> list[str]:
    """The files of these folders that git knows or would add."""
    listed = subprocess.run(  # noqa: S603  the developer's own git
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    return sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def place_in_the_wheel(name: str) -> str:
    """Where a file of the repository is in a wheel (docs/why/0014)."""
    top = name.partition("/")[0]
    return {
        "segments": "newsletter/_top_level/",
        "scheduler.py": "newsletter/_top_level/",
        "templates": "newsletter/",
    }.get(top, "") + name


def test_the_wheel_has_every_file_of_the_program_and_nothing_at_the_top_but_the_package(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = set(archive.namelist())
    wanted = {place_in_the_wheel(name) for name in tracked("newsletter", "segments", "templates", "scheduler.py")}
    assert len(wanted) > 300
    assert wanted - names == set()
    assert {name.partition("/")[0] for name in names} == {"newsletter", f"garder_contact-{__version__}.dist-info"}
    assert {"newsletter/py.typed", "newsletter/templates/pages/static/site.css"} <= names


def test_the_sdist_has_every_file_of_the_repository(installed: Installed) -> None:
    with tarfile.open(installed.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert set(tracked()) - names == set()


def test_the_wheel_says_its_licence(installed: Installed) -> None:
    (about,) = installed.site_packages.glob("garder_contact-*.dist-info")
    assert "License-Expression: EUPL-1.2" in (about / "METADATA").read_text(encoding="utf-8")
    assert "EUROPEAN UNION PUBLIC LICENCE" in (about / "licenses" / "LICENSE").read_text(encoding="utf-8")
    assert "Licence Ouverte" in (about / "licenses" / "NOTICE").read_text(encoding="utf-8")


def test_the_demo_of_the_wheel_plays_and_imports_nothing_from_the_checkout(installed: Installed) -> None:
    assert "le compte y est" in installed.said
    modules = installed.modules()
    assert installed.site_packages / "newsletter" / "_top_level" / "scheduler.py" in modules
    assert [path for path in modules if path.is_relative_to(ROOT) and "site-packages" not in path.parts] == []


def test_the_demo_is_opened_on_another_port_and_says_what_does_not_follow(installed: Installed) -> None:
    before = (installed.folder / "demo" / "site.txt").read_text(encoding="ascii")
    with opened(installed, "--port", "0") as (url, said):
        assert url != before
        assert get(f"{url}/static/site.css").headers["content-type"].startswith("text/css")
        assert "Se connecter" in get(f"{url}/bureau/connexion").text
        assert f"mènent encore à {before}" in said
    with opened(installed) as (url, said):
        assert url == before
        assert get(f"{url}/inscription").is_success
        assert "mènent encore" not in said


def get(url: str) -> httpx.Response:
    """The page, however busy the machine is."""
    return httpx.get(url, timeout=SECONDS)


@contextmanager
def opened(installed: Installed, *options: str) -> Iterator[tuple[str, str]]:
    """What the demo left, served until the block ends: its address, and what the console says before it answers."""
    command = [str(installed.bin / "newsletter"), "demo", "--open", *options]
    with subprocess.Popen(  # noqa: S603  our own command
        command, cwd=installed.folder, env=ENVIRONMENT | {"PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        lines: list[str] = []
        while "mot de passe" not in "".join(lines[-1:]):
            lines.append(server.stdout.readline())
            assert lines[-1], "it ended before it was open"
        found = re.search(r"http://\S+?(?=/bureau)", lines[0])
        assert found is not None
        try:
            yield found.group(), "".join(lines)
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait() == 0
