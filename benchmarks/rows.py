"""What a measurement gives: rows, printed as a table and kept as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. With a baseline, `ratio` compares the two in the sense that more is better, unless said otherwise."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    bar: str = ""  # such as "≥ 20 ×"; empty: measured, not judged
    ok: bool = True


def at_most(name: str, value: float, unit: str, *, bar: float) -> Row:
    """A figure that must not exceed the bar."""
    return Row(name=name, value=value, unit=unit, bar=f"≤ {bar:g}", ok=value <= bar)


def times(name: str, value: float, unit: str, *, baseline: float, bar: float, less_is_better: bool = False) -> Row:
    """A figure that must be so many times better than another of the same run."""
    ratio = baseline / value if less_is_better else value / baseline
    return Row(
        name=name, value=value, unit=unit, baseline=baseline, ratio=round(ratio, 3), bar=f"≥ {bar:g} ×", ok=ratio >= bar
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, fit for docs/reference/delivery.md."""
    lines = ["| what | value | against | ratio | bar | |", "|---|---:|---:|---:|---|---|"]
    for row in rows:
        baseline = "" if row.baseline is None else f"{_number(row.baseline)} {row.unit}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        verdict = ("yes" if row.ok else "**no**") if row.bar else ""
        lines.append(f"| {row.name} | {_number(row.value)} {row.unit} | {baseline} | {ratio} | {row.bar} | {verdict} |")
    return "\n".join(lines)


def keep(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as JSON; the folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
