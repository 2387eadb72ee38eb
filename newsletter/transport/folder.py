"""Handing over to a Maildir, for those who want to look before they send, and for tests."""

import mailbox
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter.transport.contract import Envelope, Fate, Permit, RelayError, Reply
from newsletter.words import _


@dataclass(frozen=True, slots=True)
class Folder:
    """Every message becomes a file of this Maildir; nothing reaches anybody."""

    path: Path

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["FolderConnection"]:
        try:
            yield FolderConnection(mailbox.Maildir(self.path, create=True))
        except OSError as error:
            sentence = _("Le dossier des lettres ne s’ouvre pas : {name}.")
            raise RelayError(sentence.format(name=self.path.name)) from error


@dataclass(frozen=True, slots=True)
class FolderConnection:
    maildir: mailbox.Maildir

    async def deliver(self, envelope: Envelope, *, permit: Permit) -> Reply:
        if not await permit():
            return Reply(fate=Fate.held)
        self.maildir.add(envelope.message)
        return Reply(fate=Fate.accepted, code=250, words="kept")
