"""`make bench`: everything in one run, on two cores where there are two. Prints a table, keeps build/bench.json.

Ends with 1 when a bar was missed. `--only NAME` runs one of them.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import endtoend, memory, parts, planning, programs, workers
from benchmarks.rows import Row, keep, table

BENCHMARKS: dict[str, Callable[[bool], list[Row]]] = {
    "programs": lambda _quick: [Row(**row) for row in programs.run()],
    "endtoend": endtoend.run,
    "parts": parts.run,
    "planning": planning.run,
    "memory": memory.run,
    "workers": workers.run,
}


def run(names: list[str], *, quick: bool) -> Iterator[Row]:
    """Each benchmark's rows as it ends."""
    for name in names:
        begun = time.monotonic()
        yield from BENCHMARKS[name](quick)
        print(f"({name}: {time.monotonic() - begun:.0f} s)", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: whether it runs, not what it measures")
    parser.add_argument("--only", choices=list(BENCHMARKS), action="append")
    given = parser.parse_args()
    rows = []
    for row in run(given.only or list(BENCHMARKS), quick=given.quick):
        print(f"{row.name}: {row.value:g} {row.unit}", flush=True)
        rows.append(row)
    print("\n" + table(rows))
    keep(rows, Path("build/bench.json"))
    sys.exit(not all(row.ok for row in rows))


if __name__ == "__main__":
    main()
