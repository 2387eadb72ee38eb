"""The sources of the program as trees: its modules, their public names, and what the doors call.

Nothing of the program is imported, so that an older checkout can be read by the same rules.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STATIONS = (
    "accounts", "advisers", "audience", "catalogue", "delivery", "imports", "issues", "leads", "reports", "tracking",
)  # fmt: skip
DOORS = ("newsletter.cli", "newsletter.web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One source file."""

    name: str  # dotted
    lines: int
    tree: ast.Module


def modules_of(root: Path) -> list[Module]:
    """Every module of the program under this folder, migrations left out, ordered by name."""
    paths = [path for package in ("newsletter", "segments") for path in sorted((root / package).rglob("*.py"))]
    found = []
    for path in [*paths, root / "scheduler.py"]:
        if "versions" not in path.parts:
            text = path.read_text(encoding="utf-8")
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(Module(name=name, lines=text.count("\n"), tree=ast.parse(text)))
    return found


def public_names(module: Module, *, constants: bool = True) -> Iterator[str]:
    """What the module defines for others to import.

    A click command and a FastAPI route are none: nobody imports them, and their names are those of what a person types.
    """
    for node in module.tree.body:
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if not name.startswith("_") and not any(_registers(one) for one in node.decorator_list):
                    yield name
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if constants and not name.startswith("_"):
                    yield name


def _registers(decorator: ast.expr) -> bool:
    """`@router.get(…)`, `@click.command(…)`, `@issue.group(…)` and the like."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr in (
        "command",
        "group",
        "get",
        "post",
        "head",
        "exception_handler",
    )


def homonyms(modules: Iterable[Module], *, constants: bool = True) -> dict[str, list[str]]:
    """Public names that two modules or more define: name → those modules."""
    defined: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        for name in public_names(module, constants=constants):
            defined[name].add(module.name)
    return {name: sorted(where) for name, where in sorted(defined.items()) if len(where) > 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorCall:
    """A call in `newsletter.web` or `newsletter.cli` of something below."""

    door: str  # the module
    function: str  # the top-level function or class it stands in
    line: int
    callee: str  # dotted

    @property
    def of_the_pipeline(self) -> bool:
        return self.callee.startswith("newsletter.pipeline.")

    @property
    def of_a_station(self) -> bool:
        return self.callee.split(".")[1] in STATIONS if self.callee.startswith("newsletter.") else False


def door_calls(modules: Sequence[Module]) -> Iterator[DoorCall]:
    """Every call by a door of a function that another package of the program defines, in the order of the files."""
    known = {module.name for module in modules}
    for module in modules:
        if module.name.startswith(DOORS):
            names = dict(_imported(module.tree, known))
            for top in module.tree.body:
                for node in ast.walk(top):
                    if isinstance(node, ast.Call) and (callee := _callee(node.func, names)):
                        name = getattr(top, "name", "")
                        yield DoorCall(door=module.name, function=name, line=node.lineno, callee=callee)


def _imported(tree: ast.Module, known: set[str]) -> Iterator[tuple[str, str]]:
    """Local name → dotted name, of what comes from the program."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("newsletter", "segments"):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names if alias.name in known)


def _callee(function: ast.expr, names: Mapping[str, str]) -> str:
    """The dotted name of what is called, when it comes from the program and is no class of it; else empty."""
    match function:
        case ast.Name(id=name) if name in names and not name[:1].isupper():
            return names[name]
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in names and not name[:1].isupper():
            return f"{names[name]}.{attr}"
        case _:
            return ""
