"""`newsletter import`: a rehearsal unless told otherwise, and one sentence when the file cannot be taken."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from newsletter.cli import newsletter
from newsletter.config import Settings
from newsletter.demo.samples import SAMPLES
from newsletter.instance import create_instance
from newsletter.store import Store

SAMPLE = SAMPLES / "signups-ete-2026.csv"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEWSLETTER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    create_instance(Settings(home=tmp_path / "home"))
    return tmp_path


def _import(*words: str | Path) -> Result:
    return CliRunner().invoke(newsletter, ["import", *map(str, words)])


def _subscribers(home: Path) -> int:
    store = Store(f"sqlite:///{home / 'home' / 'newsletter.db'}")
    with store.engine.connect() as connection:
        (count,) = connection.exec_driver_sql("SELECT count(*) FROM subscriber").one()
    store.close()
    return int(count)


def test_a_rehearsal_shows_everything_and_writes_nothing_and_a_commit_writes_once(home: Path) -> None:
    rehearsal = _import(SAMPLE, "--report", home / "rapport.txt")
    assert "503 importées + 31 fusionnées + 69 mises de côté + 37 refusées = 640 lignes" in rehearsal.stdout
    assert "adresse e-mail ← « Adresse e-mail »" in rehearsal.stdout
    assert "Ligne 60, refusée" in (home / "rapport.txt").read_text()
    assert _subscribers(home) == 0
    assert json.loads(_import(SAMPLE, "--commit", "--json").stdout)["written"] is True
    assert "rien n’a changé" in _import(SAMPLE, "--commit").stdout
    assert _subscribers(home) == 503


def test_what_cannot_be_taken_is_said_in_a_sentence_and_nothing_is_written(home: Path) -> None:
    (home / "sans.csv").write_text("E-mail;Nom\na@exemple.fr;Roux\n", encoding="utf-8")
    (home / "bon.csv").write_text("E-mail;Newsletter\na@exemple.fr;oui\n", encoding="utf-8")
    for words in (
        (home / "absent.csv",),
        (home,),
        (home / "sans.csv", "--commit"),
        (home / "bon.csv", "--commit", "--encoding", "utf-16"),
        (home / "bon.csv", "--commit", "--map", "couleur=1"),
        (home / "bon.csv", "--commit", "--report", home / "nulle" / "part.txt"),
        (home / "bon.csv", "--commit", "--report", home / "bon.csv"),
    ):
        answer = _import(*words)
        assert (answer.exit_code, answer.exception.__class__) == (1, SystemExit), words
        assert len(answer.stderr.removeprefix("Lecture\n").splitlines()) == 1, answer.stderr
    assert _subscribers(home) == 0
