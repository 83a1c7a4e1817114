"""The operator's commands: boards from the shell, tokens, the doctor, backups of a database that is being written."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.cli import main
from sync.auth import Authority
from sync.backup import LEASES_AHEAD, back_up, is_in_use, restore
from sync.store import StoreError
from tests.support.server import Server

MERGE = {"content-type": "application/merge-patch+json"}
SECRET = "a secret of thirty-two bytes or more"


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COPLAYER_SECRET", "COPLAYER_STORE", "COPLAYER_DATA", "COPLAYER_HOST", "COPLAYER_PORT"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> int:
    """`coplayer ...` in a thread of its own: this one may hold the event loop of fixtures that other tests share."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(main, arguments).result()


class Shell:
    """Runs `coplayer ...` on one data folder."""

    def __init__(self, data: Path, output: pytest.CaptureFixture[str]) -> None:
        self._data = data
        self._output = output

    def __call__(self, *arguments: str, status: int = 0) -> str:
        assert run(*arguments, "--data", str(self._data)) == status
        said = self._output.readouterr()
        return said.out + said.err


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "data", capsys)


@pytest.fixture
def board(tmp_path: Path) -> Path:
    shapes = {"a": {"type": "rect", "x": 1, "text": "Login"}, "b": {"type": "note", "text": "Later"}}
    file = tmp_path / "board.json"
    file.write_text(json.dumps({"shapes": shapes, "meta": {"title": "Plan"}}))
    return file


def test_boards_go_in_and_out_without_a_server(shell: Shell, board: Path, tmp_path: Path) -> None:
    assert shell("rooms", "import", "team/a", str(board)).startswith("team/a: ")
    assert "team/a" in shell("rooms", "list")
    assert [room["title"] for room in json.loads(shell("rooms", "list", "--json"))] == ["Plan"]
    assert "2 shapes" in shell("rooms", "show", "team/a")
    exported = json.loads(shell("rooms", "export", "team/a"))
    assert exported["shapes"]["a"]["text"] == "Login"
    for name, start in (("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.json", b"{")):
        shell("rooms", "export", "team/a", str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(start)
    assert "version 1 kept" in shell("rooms", "versions", "team/a", "--keep", "First")
    board.write_text(board.read_text().replace("Login", "Changed"))
    shell("rooms", "import", "team/a", str(board))
    assert "First" in shell("rooms", "versions", "team/a")
    assert "version 1: One" in shell("rooms", "versions", "team/a", "--rename", "1", "One")
    assert "One" in shell("rooms", "versions", "team/a")
    assert "no version nine" in shell("rooms", "versions", "team/a", "--rename", "nine", "One", status=1)
    shell("rooms", "versions", "team/a", "--restore", "1")
    assert json.loads(shell("rooms", "export", "team/a"))["shapes"]["a"]["text"] == "Login"
    assert "--yes" in shell("rooms", "delete", "team/a", status=1)
    shell("rooms", "delete", "team/a", "--yes")
    assert shell("rooms", "list") == ""
    assert "no room team/a" in shell("rooms", "show", "team/a", status=1)


def test_a_running_server_is_asked_instead_of_its_data_being_touched(shell: Shell, tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        httpx.post(f"{server.url}/api/rooms", json={"room": "a"})
        assert is_in_use(tmp_path / "data" / "coplayer.db")
        assert "--server" in shell("rooms", "delete", "a", "--yes", "--port", "1", status=1)
        port = server.url.rpartition(":")[2]
        assert "a: deleted" in shell("rooms", "delete", "a", "--yes", "--port", port)
        assert httpx.get(f"{server.url}/api/rooms").json() == {"rooms": []}
        assert shell("rooms", "list", "--server", server.url) == ""
    assert not is_in_use(tmp_path / "data" / "coplayer.db")


def test_s15_a_board_that_could_not_be_read_is_read_again_when_the_operator_says_so(
    shell: Shell, board: Path, tmp_path: Path
) -> None:
    shell("rooms", "import", "a", str(board))
    with closing(sqlite3.connect(tmp_path / "data" / "coplayer.db")) as connection, connection:
        connection.execute("INSERT INTO loads (room, attempts) SELECT id, 3 FROM rooms")
    said = shell("doctor", status=1)
    assert "a: reading it did not end well 3 times: coplayer rooms retry a" in said
    assert "a: it is shown read-only" in said
    assert "look at only" in shell("rooms", "import", "a", str(board), status=1)
    assert "read in full" in shell("rooms", "retry", "a")
    shell("rooms", "import", "a", str(board))
    assert "All is well." in shell("doctor")


def test_a_token_is_made_with_the_secret_and_only_with_it(shell: Shell) -> None:
    token, number = shell("token", "team/*", "--access", "read", "--user", "ann", "--secret", SECRET).splitlines()
    access = Authority(SECRET).room_access(token, "team/a", time.time())
    assert (access.user, access.role) == ("ann", "read")
    assert f"id {access.token}:" in number, "by it the token can be taken back (A9)"
    assert "COPLAYER_SECRET" in shell("token", "*", status=1)


def test_the_doctor_says_that_all_is_well_or_that_there_is_nothing(shell: Shell, board: Path) -> None:
    assert "no database" in shell("doctor", status=1)
    shell("rooms", "import", "a", str(board))
    shell("rooms", "versions", "a", "--keep", "First")
    said = shell("doctor")
    assert "1 rooms" in said
    assert "1 versions" in said
    assert "All is well." in said


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("updates", "row 1 of its log is damaged"),
        ("snapshots", "its snapshot up to row 1 is damaged"),
        ("versions", "its version 1 is damaged"),
    ],
)
def test_s10_the_doctor_names_a_flipped_byte(
    shell: Shell, board: Path, tmp_path: Path, table: str, sentence: str
) -> None:
    for room in ("well", "ill"):
        shell("rooms", "import", room, str(board))
        shell("rooms", "versions", room, "--keep", "First")
    with closing(sqlite3.connect(tmp_path / "data" / "coplayer.db")) as connection, connection:
        where = "room = (SELECT id FROM rooms WHERE room = 'ill')"
        data = bytearray(connection.execute(f"SELECT data FROM {table} WHERE {where}").fetchone()[0])
        data[len(data) // 2] ^= 1
        connection.execute(f"UPDATE {table} SET data = ? WHERE {where}", (bytes(data),))
    said = shell("doctor", status=1)
    assert f"ill: {sentence}" in said
    assert "well:" not in said
    assert "1 of them are damaged" in said


def test_s10_the_doctor_names_what_has_a_right_checksum_and_is_no_update(
    shell: Shell, board: Path, tmp_path: Path
) -> None:
    shell("rooms", "import", "a", str(board))
    with closing(sqlite3.connect(tmp_path / "data" / "coplayer.db")) as connection, connection:
        connection.execute("DELETE FROM snapshots")
        connection.execute("UPDATE updates SET data = ?, crc = ?", (b"\x01\x02", zlib.crc32(b"\x01\x02")))
    assert "do not pass the gate" in shell("doctor", status=1)


def test_a_backup_taken_while_a_server_is_writing_is_whole_and_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, copies = tmp_path / "data", tmp_path / "copies"
    copies.mkdir()
    with Server(data) as server:
        url = f"{server.url}/api/rooms/r"
        httpx.post(f"{server.url}/api/rooms", json={"room": "r"})
        acknowledged = 0
        is_done = threading.Event()

        def write() -> None:
            nonlocal acknowledged
            with httpx.Client(headers=MERGE, timeout=30) as client:
                while not is_done.is_set():
                    number = acknowledged + 1
                    change: dict[str, Any] = {"meta": {"n": number, "text": "x" * 20_000}}
                    assert client.patch(f"{url}/doc", json=change).status_code == 200
                    acknowledged = number

        writer = threading.Thread(target=write)
        writer.start()
        try:
            taken: list[tuple[int, int]] = []
            for number in range(4):
                while acknowledged < 5 * (number + 1):
                    time.sleep(0.01)
                before = acknowledged
                folder = copies / str(number)
                folder.mkdir()
                assert run("backup", str(folder / "coplayer.db"), "--data", str(data)) == 0
                taken.append((before, acknowledged + 1))
        finally:
            is_done.set()
            writer.join()
    for number, (before, after) in enumerate(taken):
        shell = Shell(copies / str(number), capsys)
        assert "All is well." in shell("doctor")
        found = json.loads(shell("rooms", "export", "r"))["meta"]["n"]
        assert before <= found <= after


def test_a_backup_overwrites_nothing_and_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "there.db").write_text("mine")
    with pytest.raises(StoreError, match="no database"):
        back_up(tmp_path / "none.db", tmp_path / "copy.db")
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + b"nonsense" * 100)
    with pytest.raises(StoreError, match="failed"):
        back_up(tmp_path / "broken.db", tmp_path / "copy.db")
    with pytest.raises(StoreError, match="overwrites nothing"):
        back_up(tmp_path / "broken.db", tmp_path / "there.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.db", "there.db"]


def test_a_backup_is_put_back_and_what_was_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """R8: no assistant gets an epoch again that one had since the backup."""
    data, copy, database = tmp_path / "data", tmp_path / "copy.db", tmp_path / "data" / "coplayer.db"

    def lease(server: Server) -> int:
        answer = httpx.post(f"{server.url}/api/rooms/r/lease", json={"agent": "assistant", "holder": "h"})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["epoch"])

    def draw(server: Server, title: str) -> None:
        change = {"meta": {"title": title}}
        assert httpx.patch(f"{server.url}/api/rooms/r/doc", json=change, headers=MERGE).status_code == 200

    with Server(data) as server:
        httpx.post(f"{server.url}/api/rooms", json={"room": "r"})
        draw(server, "as it was")
        before = lease(server)
        back_up(database, copy)
        draw(server, "drawn since")
        assert run("restore", str(copy), "--data", str(data)) == 1
        assert "stop the server" in capsys.readouterr().err
    assert run("restore", str(copy), "--data", str(data)) == 0
    assert "All is well." in capsys.readouterr().out
    with Server(data) as server:
        document = httpx.get(f"{server.url}/api/rooms/r/doc").json()
        assert document["meta"]["title"] == "as it was"
        assert lease(server) > before + LEASES_AHEAD - 1
    aside = database.with_name("coplayer.db.before-restore-1")
    aside.rename(tmp_path / "aside.db")
    assert restore(tmp_path / "aside.db", database) == aside
    with Server(data) as server:
        assert httpx.get(f"{server.url}/api/rooms/r/doc").json()["meta"]["title"] == "drawn since"


def test_what_is_no_backup_is_not_put_in_place(tmp_path: Path) -> None:
    database = tmp_path / "coplayer.db"
    database.write_text("mine")
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + b"nonsense" * 100)
    with pytest.raises(StoreError, match="no backup"):
        restore(tmp_path / "none.db", database)
    (tmp_path / "data").mkdir()
    with pytest.raises(StoreError, match="not put in place"):
        restore(tmp_path / "broken.db", tmp_path / "data" / "coplayer.db")
    assert list((tmp_path / "data").iterdir()) == []
    assert database.read_text() == "mine"
