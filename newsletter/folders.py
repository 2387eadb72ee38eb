"""Where files that are not Python are: beside the package in the repository, inside it in a wheel (docs/why/0014)."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def templates_folder() -> Path:
    """The templates of issues, letters and pages, with the static files of the pages."""
    installed = _PACKAGE / "templates"
    return installed if installed.is_dir() else _PACKAGE.parent / "templates"
