"""The demo's mail server: a real one on a real socket, which puts what it takes into a Maildir."""

import email
import email.policy
import mailbox
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

from newsletter.sockets import listen


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where every mail of the demo ends up; nothing leaves this machine."""

    path: Path
    port: int

    def messages(self) -> list[EmailMessage]:
        """All mails, in the order of their recipients; each is parsed anew."""
        box = mailbox.Maildir(self.path, create=True)
        found = [email.message_from_bytes(box.get_bytes(name), policy=email.policy.default) for name in box.iterkeys()]
        return sorted(found, key=lambda message: str(message["To"]))

    def issues(self) -> list[EmailMessage]:
        """The mails of the issue: unlike single letters, they can be unsubscribed from."""
        return [message for message in self.messages() if message["List-Unsubscribe"]]

    def letter_to(self, recipient: str) -> EmailMessage | None:
        """The newest single letter for this address, if one came."""
        letters = [m for m in self.messages() if m["To"] == recipient and not m["List-Unsubscribe"]]
        return letters[-1] if letters else None


@contextmanager
def open_mail_server(path: Path) -> Iterator[MailServer]:
    """A server that runs until the block ends."""
    probe = listen("127.0.0.1", 0)
    port: int = probe.getsockname()[1]
    probe.close()
    controller = Controller(Mailbox(path), hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    controller.start()
    try:
        yield MailServer(path, port)
    finally:
        controller.stop()
