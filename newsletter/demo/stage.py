"""The folder that a demo is played in: cleared, with an address for its pages and a mail server behind them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx

from newsletter.config import Settings
from newsletter.demo.clock import MovedClock
from newsletter.demo.mail_server import MailServer
from newsletter.errors import NotFoundError, RefusedError
from newsletter.i18n import _
from newsletter.instance import Instance

URL_FILE = "site.txt"  # in the demo's folder: where its pages were, for `--open`


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running instance over a new store, with the mail server that takes its mails."""

    folder: Path
    url: str  # of its pages
    instance: Instance
    mail_server: MailServer
    clock: MovedClock


def clear(folder: Path) -> None:
    """Make room for a new play. Raises RefusedError for a folder that is not a demo's: nothing of it is touched."""
    if folder.exists() and any(folder.iterdir()) and not (folder / URL_FILE).exists():
        raise RefusedError(
            _("Le dossier {folder} n’est pas celui d’une démo. Choisissez-en un autre avec --folder.").format(
                folder=folder
            )
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def remember_url(folder: Path, url: str) -> None:
    """Keep where the pages of this demo are."""
    (folder / URL_FILE).write_text(url, encoding="ascii")


def url_of(folder: Path) -> httpx.URL:
    """Where the pages of the demo in this folder were. Raises NotFoundError when none was played there."""
    if not (folder / URL_FILE).exists():
        raise NotFoundError(_("Il n’y a pas encore de démo à ouvrir. Lancez d’abord « make demo »."))
    return httpx.URL((folder / URL_FILE).read_text(encoding="ascii").strip())


def mailbox_of(folder: Path) -> Path:
    """The Maildir of this demo."""
    return folder / "boite"


def settings_of(folder: Path, *, base_url: str, smtp_port: int) -> Settings:
    """The settings of an instance that lives in this folder and mails to the demo's own mail server."""
    return Settings(
        home=folder / "donnees",
        database_url=f"sqlite:///{folder / 'donnees' / 'newsletter.db'}",
        base_url=base_url,
        smtp_host="127.0.0.1",
        smtp_port=smtp_port,
        smtp_security="none",
        smtp_username="",
    )
