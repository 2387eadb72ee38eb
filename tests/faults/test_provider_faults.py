"""Twelve mailbox providers at once, each with faults of its own: who gets what is what the addresses say."""

import shutil
import socket
from pathlib import Path

import pytest

from tests.kit.counting_smtp import counting_server
from tests.kit.provider_faults import run_provider_faults
from tests.kit.timeouts import SECONDS

pytestmark = pytest.mark.xdist_group("processes")  # several at once: never two of these beside each other
MAILS = 5000


@pytest.mark.parametrize("processes", [1, 2])
def test_everyone_ends_as_expected_within_the_limits_of_all_senders_together(
    empty_stores: dict[str, str], tmp_path: Path, processes: int
) -> None:
    shutil.copy(empty_stores["sqlite"], tmp_path / "store.db")
    url = f"sqlite:///{tmp_path / 'store.db'}"
    assert list(run_provider_faults(url, tmp_path, mails=MAILS, minutes=0.05, processes=processes)) == []


def test_the_server_that_counts_reads_nothing_behind_its_421(tmp_path: Path) -> None:
    """Else it would count a mail that rides behind, which the sender rightly starts anew on another connection."""
    opening = b"MAIL FROM:<>\r\nRCPT TO:<%b>\r\nDATA\r\n"
    with counting_server(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(opening % b"ends-1@icloud.com" + b"Bonjour\r\n.\r\n" + opening % b"reader-2@free.fr")
        connection.settimeout(SECONDS)
        said = b"".join(iter(lambda: connection.recv(4096), b""))
        assert said.splitlines()[-1] == b"421 4.3.2 closing"
        assert server.received().most_at_once == {"icloud.com": 1}
