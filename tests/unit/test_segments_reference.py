"""The reference page of the segment language cannot drift from the language."""

import re
from pathlib import Path

import pytest

from segments import parse
from segments.fields import Field

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "segments.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("field", Field)
def test_every_field_has_an_entry(field: Field) -> None:
    assert f"### `{field}`" in PAGE


def test_every_example_of_the_page_can_be_read() -> None:
    shown = re.findall(r"^```segment\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(shown) >= len(Field)
    for text in shown:
        parse(text)
