"""What import-linter cannot see: the scheduler's own imports, who reads the environment, a word about each module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("newsletter", "segments", "scheduler", "tests", "benchmarks")
ALLOWED = {"newsletter.pipeline", "newsletter.instance", "newsletter.errors"}
MODULES = sorted(
    path
    for room in ("newsletter", "segments")
    for path in (ROOT / room).rglob("*.py")
    if path.parent.name != "versions" and path.read_text(encoding="utf-8").strip()
)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """The dotted name of everything a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_scheduler_knows_the_pipeline_the_house_errors_and_nothing_else_of_ours() -> None:
    ours = {name for name in imported(tree_of(ROOT / "scheduler.py")) if name.split(".")[0] in OURS}
    assert {".".join(name.split(".")[:2]) for name in ours} <= ALLOWED


@pytest.mark.parametrize("room", ["newsletter", "segments"])
def test_every_module_says_what_it_is(room: str) -> None:
    silent = [path for path in MODULES if path.is_relative_to(ROOT / room) and not ast.get_docstring(tree_of(path))]
    assert [str(path.relative_to(ROOT)) for path in silent] == []


def test_only_the_settings_look_at_the_environment() -> None:
    looking = [
        str(path.relative_to(ROOT))
        for path in [*MODULES, ROOT / "scheduler.py"]
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "getenv", "environb")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert set(looking) <= {"newsletter/config.py"}


def test_no_test_waits_for_a_time_and_every_client_waits_as_long_as_the_kit_says() -> None:
    """Else a busy machine makes tests red (docs/reference/testing.md)."""
    hasty = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for function in ast.walk(tree_of(path))
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_")
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and is_hasty(call)
    ]
    assert hasty == []


def is_hasty(call: ast.Call) -> bool:
    """A sleep, or a client without a limit of its own, whose own default is five seconds."""
    called = ast.unparse(call.func)
    limits = {keyword.arg for keyword in call.keywords}
    return called in ("time.sleep", "sleep") or (
        called in ("httpx.Client", "httpx.get", "httpx.post") and "timeout" not in limits
    )


@pytest.mark.parametrize(
    ("folders", "forbidden"),
    [(("newsletter", "segments"), {"tests", "benchmarks"}), (("tests",), {"benchmarks"})],
    ids=["the program imports neither tests nor benchmarks", "tests import no benchmarks"],
)
def test_imports_go_one_way(folders: tuple[str, ...], forbidden: set[str]) -> None:
    importing = [
        (str(path.relative_to(ROOT)), name)
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for name in imported(tree_of(path))
        if name.split(".")[0] in forbidden
    ]
    assert importing == []
