"""The restore lock: a restored backup or a copied database sends nothing, for it would mail again what left already.

Two things must fit, and no copy can make both fit (docs/why/0020-restore-lock.md):

- *Who*: the home folder's mark file and the `installation` row of that mark. The row keeps the file's change time,
  which the file system alone sets, so a copied or unpacked file is not the one that the database knows.
- *When*: the home folder remembers how many claims of batches it saw. A database that remembers fewer is an older one.

While it is locked, nothing that mails people may run. A person opens it, having looked at what would leave.
"""

import os
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from pydantic import BaseModel, ValidationError
from sqlmodel import Session, col, select

from newsletter.i18n import lazy
from newsletter.store.ledger import Batch, Installation

MARK_FILE = "installation.json"
CLAIMS_FILE = "claims.json"

_UNKNOWN_PAIR = lazy(
    "L’envoi est verrouillé : cette base et ce dossier de données ne se connaissent pas. "
    "L’un des deux est une copie, ou vient d’une sauvegarde."
)
_OLDER_DATABASE = lazy(
    "L’envoi est verrouillé : la base est plus ancienne que le dernier envoi d’ici. "
    "Elle vient sans doute d’une sauvegarde."
)
_UNREADABLE = lazy("L’envoi est verrouillé : le fichier {name} du dossier de données ne se lit pas.")


class _Noted(BaseModel):
    """What a file of the home folder says."""

    mark: str = ""
    claims: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """Whether this database and home folder may send."""

    why: str = ""  # locked, and why: a French sentence; empty when it may send
    must_note: bool = False  # it may send, and the home folder is behind: call `note_claims`


def why_locked(session: Session, home: Path) -> str:
    """Why nothing may be sent from this database and home folder; empty when it may. Changes nothing."""
    return lock_state(session, home).why


def lock_state(session: Session, home: Path) -> LockState:
    """Whether sending is locked, and whether there are claims to note. Changes nothing.

    Call it first thing in a session: the folder is read before the database, which other senders write to meanwhile.
    """
    noted = _noted(home)
    if noted is None:
        return LockState(why=_UNREADABLE.format(name=CLAIMS_FILE))
    if _is_new(session, noted):
        return LockState(must_note=True)
    mark = _mark(home)
    known = session.get(Installation, mark) if mark else None
    if known is None or known.changed_ns != _changed_ns(home):
        return LockState(why=_UNKNOWN_PAIR)
    count = count_claims(session)
    return LockState(why=_OLDER_DATABASE) if count < noted else LockState(must_note=count > noted)


def note_claims(session: Session, home: Path, *, now: datetime) -> str:
    """Have the home folder remember how many claims the ledger has; while locked nothing is noted, and this says why.

    The first call of a new instance makes its mark. Versions before 0002 had no marks, so an upgraded one is new too.
    The session must be one whose claims are committed: a file that ran ahead of a lost commit would lock for nothing.
    """
    found = lock_state(session, home)
    if found.must_note:
        noted = _noted(home) or 0
        if _is_new(session, noted):
            _make_mark(session, home, now=now, raised=0)
        if (count := count_claims(session)) > noted:
            _write(home / CLAIMS_FILE, _Noted(claims=count))
    return found.why


def confirm_installation(session: Session, home: Path, *, now: datetime) -> None:
    """Unlock: a person says that this database, in this home folder, is the one that sends. Safe to repeat.

    Other home folders of the same database that had seen no more than this one are open again as well.
    """
    forgotten = max(0, (_noted(home) or 0) - count_claims(session))
    _make_mark(session, home, now=now, raised=forgotten)
    _write(home / CLAIMS_FILE, _Noted(claims=count_claims(session)))


def count_claims(session: Session) -> int:
    """A number that grows with every batch that is claimed, in the claim's own transaction, and never shrinks."""
    fences = session.exec(select(sa.func.coalesce(sa.func.sum(col(Batch.fence)), 0))).one()
    raised = session.exec(select(sa.func.coalesce(sa.func.sum(col(Installation.raised)), 0))).one()
    return int(fences) + int(raised)


def _is_new(session: Session, noted: int) -> bool:
    """No home folder ever sent from this database as far as it knows, and this folder never sent from any."""
    return noted == 0 and session.exec(select(Installation.mark).limit(1)).first() is None


def _make_mark(session: Session, home: Path, *, now: datetime, raised: int) -> None:
    """Written before the commit: should that be lost, the mark is unknown, and a person is asked once more."""
    mark = secrets.token_hex(16)
    home.mkdir(parents=True, exist_ok=True)
    with (home / MARK_FILE).open("w", encoding="utf-8") as file:
        file.write(_Noted(mark=mark).model_dump_json(include={"mark"}))
        file.flush()
        os.fsync(file.fileno())
    session.add(Installation(mark=mark, changed_ns=_changed_ns(home), confirmed_at=now, raised=raised))
    session.flush()


def _mark(home: Path) -> str:
    found = _read(home / MARK_FILE)
    return found.mark if found else ""


def _changed_ns(home: Path) -> int:
    return (home / MARK_FILE).stat().st_ctime_ns


def _noted(home: Path) -> int | None:
    """The claims that this folder knows of; None when its file cannot be read."""
    found = _read(home / CLAIMS_FILE)
    return found.claims if found else None


def _read(path: Path) -> _Noted | None:
    """What the file says, nothing for a file that is not there; None for one torn by a power cut or edited."""
    try:
        return _Noted.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return _Noted()
    except ValidationError:
        return None


def _write(path: Path, noted: _Noted) -> None:
    """All or nothing, however many processes write at once."""
    fresh = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.new")
    fresh.write_text(noted.model_dump_json(include={"claims"}), encoding="utf-8")
    fresh.replace(path)
