"""`make mutants`: whether a test fails when a decision is changed. Prints a table and keeps build/mutants.json.

mutmut changes one thing at a time in the functions of the modules that pyproject.toml names under [tool.mutmut], in a
copy below mutants/, and runs the tests that call the changed function. A change that no test notices has survived. Ends
with 1 when fewer than 85 % of the changes of a module were noticed; `--survivors` says which were not.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

from benchmarks.rows import Row, keep, table

BAR = 85.0
COPY = Path("mutants")
NOTICED = frozenset({"killed", "timeout", "segfault"})
"""A change that ends in a crash or in no end at all is noticed too."""
STATUS = {0: "survived", 1: "killed", 3: "killed", 5: "untested", 33: "untested", -11: "segfault"} | dict.fromkeys(
    (24, -24, 36, 152, 255), "timeout"
)
"""What mutmut's exit codes say; any other means that the change was not tried."""


def run(children: int) -> bool:
    """Try every change anew; whether mutmut ran to its end."""
    shutil.rmtree(COPY, ignore_errors=True)
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children)]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0  # noqa: S603  our own tool


def modules() -> list[str]:
    """The files whose functions are changed."""
    configured = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    listed: list[str] = configured["tool"]["mutmut"]["only_mutate"]
    return listed


def statuses(module: str) -> dict[str, str]:
    """The name of each change of a module → what became of it."""
    told = json.loads((COPY / f"{module}.meta").read_text(encoding="utf-8"))
    return {name: STATUS.get(code, "not tried") for name, code in told["exit_code_by_key"].items()}


def row(module: str) -> Row:
    """How many of a module's changes were noticed."""
    counted = Counter(statuses(module).values())
    share = 100 * sum(counted[status] for status in NOTICED) / counted.total()
    return Row(name=module, value=round(share, 1), unit=f"% of {counted.total()}", bar=f"≥ {BAR:g} %", ok=share >= BAR)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="changes tried beside each other")
    parser.add_argument("--survivors", action="store_true", help="list what the last run left, and try nothing")
    given = parser.parse_args()
    if given.survivors:
        for module in modules():
            for name, status in statuses(module).items():
                if status not in NOTICED:
                    print(f"{status:<10} mutmut show {name}")
        return
    finished = run(given.children)
    rows = [row(module) for module in modules()]
    print(table(rows))
    keep(rows, Path("build/mutants.json"))
    sys.exit(not (finished and all(one.ok for one in rows)))


if __name__ == "__main__":
    main()
