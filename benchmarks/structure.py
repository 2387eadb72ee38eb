"""How the program is built, in figures: `python -m benchmarks.structure [FOLDER]` (docs/reference/house.md)."""

import sys
from collections import Counter
from pathlib import Path

from tests.kit.structure import door_calls, homonyms, modules_of, public_names

SMALL = 50  # lines


def figures(root: Path) -> dict[str, str]:
    """What is measured → its value, of the checkout in this folder."""
    modules = modules_of(root)
    files = [
        module for module in modules if module.lines > 3
    ]  # an __init__ with its docstring alone is no file to read
    longest = max(files, key=lambda module: module.lines)
    calls = list(door_calls(modules))
    stations_of = Counter((call.door, call.function) for call in calls if call.of_a_station)
    named = {name for module in modules for name in public_names(module, constants=False)}
    twice, with_constants = homonyms(modules, constants=False), homonyms(modules)
    return {
        "files": str(len(files)),
        f"files under {SMALL} lines": str(sum(module.lines < SMALL for module in files)),
        "longest file": f"{longest.lines} lines ({longest.name})",
        "lines": str(sum(module.lines for module in files)),
        "public functions and classes": str(len(named)),
        "defined in more than one module": str(len(twice)),
        "the same with constants": str(len(with_constants)),
        "calls of doors: pipeline": str(sum(call.of_the_pipeline for call in calls)),
        "calls of doors: stations": str(sum(call.of_a_station for call in calls)),
        "functions of doors that call a station twice or more": str(sum(count > 1 for count in stations_of.values())),
    }


if __name__ == "__main__":
    for name, value in figures(Path(sys.argv[1] if len(sys.argv) > 1 else ".")).items():
        print(f"{name:<56} {value}")
