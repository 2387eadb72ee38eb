"""Handing over to a Maildir, for those who want to look before they send, and for tests."""

import mailbox
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter.i18n import _
from newsletter.smtp.contract import DeliveryStatus, Outbox, RelayError, Reply


@dataclass(frozen=True, slots=True)
class Folder:
    """Every message becomes a file of this Maildir; nothing reaches anybody."""

    path: Path

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["FolderConnection"]:
        try:
            maildir = mailbox.Maildir(self.path, create=True)
        except OSError as error:
            sentence = _("Le dossier des lettres ne s’ouvre pas : {name}.")
            raise RelayError(sentence.format(name=self.path.name)) from error
        yield FolderConnection(maildir)


@dataclass(frozen=True, slots=True)
class FolderConnection:
    maildir: mailbox.Maildir

    async def deliver(self, outbox: Outbox) -> None:
        while envelope := await outbox.next():
            permitted = await outbox.may_send(envelope)
            outbox.record(
                envelope, self._keep(envelope.message) if permitted else Reply(status=DeliveryStatus.withheld)
            )

    def _keep(self, message: bytes) -> Reply:
        try:
            self.maildir.add(message)
        except OSError as error:  # a full disk: a Maildir shows a message when all of it is there, and not before
            return Reply(status=DeliveryStatus.try_later, words=error.strerror or "")
        return Reply(status=DeliveryStatus.accepted, code=250, words="kept")
