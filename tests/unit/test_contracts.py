"""The import contracts bite: a copy of the program with one forbidden import breaks the contract that forbids it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what import-linter looks at."""
    copy = tmp_path_factory.mktemp("program")
    for folder in ("newsletter", "segments"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.po", "node*"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def broken_contracts(program: Path) -> list[str]:
    """The first word of each contract that does not hold."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    linted = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", command, "--no-cache"],
        cwd=program, capture_output=True, text=True, check=False,
    )  # fmt: skip
    summary = " ".join(linted.stdout.split("Analyzed")[1].split("Broken contracts")[0].split())
    assert "Contracts:" in summary, linted.stdout + linted.stderr
    return re.findall(r"(?:KEPT|-) (\w+)(?:(?!KEPT|BROKEN).)* BROKEN", summary)


@pytest.mark.parametrize(
    ("module", "forbidden", "contract"),
    [
        ("newsletter/web/home.py", "from sqlmodel import Session", "Pages"),
        ("newsletter/cli/lead.py", "import sqlalchemy", "Pages"),
        ("newsletter/delivery/ledger/balance.py", "import newsletter.delivery.sender.drain", "Delivery"),
        ("newsletter/delivery/throttle/routes.py", "import newsletter.delivery.workers.registry", "Delivery"),
        ("newsletter/accounts/sessions.py", "import newsletter.catalogue.employers", "The"),
        ("newsletter/compose/links.py", "import newsletter.store.issues", "Compose"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(program: Path, module: str, forbidden: str, contract: str) -> None:
    path = program / module
    kept = path.read_text(encoding="utf-8")
    path.write_text(f"{kept}\n{forbidden}\n", encoding="utf-8")
    try:
        assert contract in broken_contracts(program)
    finally:
        path.write_text(kept, encoding="utf-8")


def test_a_program_that_keeps_to_them_breaks_none(program: Path) -> None:
    assert broken_contracts(program) == []
