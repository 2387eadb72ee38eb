"""The program as it is started: `newsletter serve` until a signal ends it, the demo to its end, ticks one by one."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import scheduler
from newsletter.cli import newsletter
from newsletter.errors import RefusedError
from newsletter.instance import Instance
from tests.kit.serving import web_client
from tests.kit.timeouts import SECONDS

pytestmark = pytest.mark.xdist_group("processes")  # several at once: never two of these beside each other


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`newsletter serve` over what `newsletter init` made in this folder: its address, and its process."""
    settings = {"NEWSLETTER_HOME": str(folder), "DATABASE_URL": f"sqlite:///{folder / 'store.db'}"}
    environment = os.environ | settings | {"PYTHONUNBUFFERED": "1"}  # noqa: TID251  the child's settings
    program = [sys.executable, "-m", "newsletter"]
    subprocess.run([*program, "init"], env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  ours
    with subprocess.Popen(  # noqa: S603  our own program
        [*program, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+?(?=/bureau)", process.stdout.readline())
        assert found is not None
        try:
            yield found.group(), process
        finally:
            process.kill()


def test_a_served_instance_answers_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with serving(tmp_path) as (url, process), web_client(url) as browser:
        assert browser.get("/inscription").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=SECONDS) in (0, -signal.SIGTERM)  # uvicorn passes the signal on once it has ended


def test_the_demo_is_played_into_its_folder_and_adds_up(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    played = CliRunner().invoke(newsletter, ["demo", "--folder", str(folder), "--port", "0"])
    assert played.exit_code == 0, played.output
    steps = [line[0] for line in played.output.splitlines() if re.match(r"\d\. ", line)]
    assert steps == ["1", "2", "3", "4", "5", "6"]
    assert "camille" in played.output
    exports = sorted(path.name for path in (folder / "exports").iterdir())
    assert len([name for name in exports if name.endswith(".csv")]) == 4
    assert [name.removesuffix(".xlsx") for name in exports if name.endswith(".xlsx")] == [
        name.removesuffix(".csv") for name in exports if name.endswith(".csv")
    ]
    assert any((folder / "boite").rglob("*"))


def test_a_folder_that_is_no_demo_s_is_left_alone_and_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine", encoding="utf-8")
    refused = CliRunner().invoke(newsletter, ["demo", "--folder", str(tmp_path), "--port", "0"])
    assert (refused.exit_code, "n’est pas celui d’une démo" in refused.output) == (1, True)
    assert (tmp_path / "letters.txt").read_text(encoding="utf-8") == "mine"
    opened = CliRunner().invoke(newsletter, ["demo", "--folder", str(tmp_path), "--open"])
    assert (opened.exit_code, "pas encore de démo" in opened.output) == (1, True)


def test_a_tick_that_a_person_can_mend_is_a_warning_and_a_fault_of_ours_is_not_hidden(
    instance: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    def tick(error: Exception) -> scheduler.Tick:
        def fail(_instance: Instance) -> None:
            raise error

        return scheduler.Tick("a tick", timedelta(seconds=1), fail)

    entered: list[str] = []

    @contextmanager
    def around(name: str, _every: timedelta) -> Iterator[None]:
        entered.append(name)
        yield

    scheduler._run(tick(RefusedError("la base est verrouillée")), instance, around)  # noqa: SLF001  what APScheduler calls
    assert "a tick: la base est verrouillée" in caplog.text
    with pytest.raises(ZeroDivisionError):
        scheduler._run(tick(ZeroDivisionError()), instance, around)  # noqa: SLF001
    assert entered == ["a tick"] * 2


def test_what_happens_by_itself_happens_on_an_empty_store_too(instance: Instance) -> None:
    for one in scheduler.ticks():
        one.run(instance)


def test_version_and_help_are_said(command: Callable[..., Result]) -> None:
    said = command("--help").output
    assert all(name in said for name in ("init", "serve", "work", "issue", "ledger"))
