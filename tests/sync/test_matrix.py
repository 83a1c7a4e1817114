"""Every message from every role, and every way to ask for a room from a page: tables and large numbers of tries.

The counts are options: `pytest tests/sync/test_matrix.py --reader-frames 10000 --names 10000`.
"""

from __future__ import annotations

import itertools
import random
import string
from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Doc, Map
from starlette.datastructures import Headers

from sync.board import PROFILES
from sync.effects import Append
from sync.members import AccessLevel, Member
from sync.names import MAX_ROOM_NAME, BadRoomName, check_room_name
from sync.presence import ConnectionId, Identity
from sync.protocol import SyncStep2, Update, encode
from sync.room import Room
from sync.settings import Settings
from sync.sockets import is_own_origin
from tests.support.roles_table import MESSAGES, entry, text

TABLE = """
                               read          comment       write         agent         admin
0.0 step 1                     answered      answered      answered      answered      answered
0.1 step 2, nothing new        ignored       ignored       ignored       ignored       ignored
0.1 step 2, a shape            refused       refused       stored        stored        stored
0.1 step 2, a message          refused       stored        stored        stored        stored
0.2 update, a shape            refused       refused       stored        stored        stored
0.2 update, a message          refused       stored        stored        stored        stored
0.2 update, a run              refused       refused       stored        stored        stored
0.2 update, an assistant's id  refused       closed 4422   closed 4422   stored        closed 4422
0.2 update, no board           closed 4422   closed 4422   closed 4422   closed 4422   closed 4422
0.2 update, broken             closed 4400   closed 4400   closed 4400   closed 4400   closed 4400
0.3 no such sync type          closed 4400   closed 4400   closed 4400   closed 4400   closed 4400
1 awareness                    relayed       relayed       relayed       relayed       relayed
2 auth                         ignored       ignored       ignored       ignored       ignored
3 query awareness              answered      answered      answered      answered      answered
99 no such type                ignored       ignored       ignored       ignored       ignored
102 sync status                acknowledged  acknowledged  acknowledged  acknowledged  acknowledged
103 board event                ignored       ignored       ignored       ignored       ignored
103 stateless                  ignored       ignored       ignored       ignored       ignored
nothing                        closed 4400   closed 4400   closed 4400   closed 4400   closed 4400
"""


def test_a3_a8_g7_what_comes_of_every_message_from_every_role() -> None:
    assert text().splitlines() == TABLE.strip("\n").splitlines()


@pytest.mark.parametrize("access", ["read", "comment"])
def test_a3_a8_nothing_that_a_reader_sends_changes_the_board(
    access: AccessLevel, request: pytest.FixtureRequest
) -> None:
    """Honest changes of every kind, messages of the table, and all of them with bytes changed. Who may comment is shown
    here with everything but comments."""
    dice = random.Random(7)
    room = Room(PROFILES["board"], "e")
    room.connect(ConnectionId(1), Member(Identity("ann")))
    board: Doc[Any] = Doc(client_id=2**22)
    board.get("shapes", type=Map)["a"] = Map({"x": 1})
    board.get("messages", type=Map)["m"] = Map({"body": "Hello"})
    room.receive(ConnectionId(1), encode(Update(board.get_update())))
    room.committed(1)
    before = room.doc.get_update()
    seeds = [frame for name, frame in MESSAGES.items() if "message" not in name]
    seeds += [encode(kind(update)) for kind in (Update, SyncStep2) for update in _changes(board)]
    reader = ConnectionId(2)
    for _ in range(request.config.getoption("--reader-frames")):
        frame = bytearray(dice.choice(seeds) + (dice.choice(seeds) if dice.random() < 0.2 else b""))
        if frame and dice.random() < 0.6:
            for _ in range(dice.choice((1, 1, 2, 8))):
                frame[dice.randrange(len(frame))] = dice.randrange(256)
        if reader not in room._connections:
            room.connect(reader, Member(Identity("ben"), access, hears_events=True))
        effects = room.receive(reader, bytes(frame))
        appended = [effect for effect in effects if isinstance(effect, Append)]
        if appended and access == "comment":  # a byte can make another root of one: then it is a comment
            room.committed(len(appended))
        else:
            assert not appended, bytes(frame)
        if dice.random() < 0.1:
            room.disconnect(reader)
    shapes = {root: room.doc.get(root, type=Map).to_py() or {} for root in ("shapes", "runs", "policy", "meta")}
    assert shapes == {"shapes": {"a": {"x": 1.0}}, "runs": {}, "policy": {}, "meta": {}}
    assert room.doc.get("messages", type=Map)["m"].to_py() == {"body": "Hello"}
    if access == "read":
        assert room.doc.get_update() == before


def _changes(board: Doc[Any]) -> list[bytes]:
    """What a person would do to it: move, delete, ask, rename, answer."""
    out: list[bytes] = [entry("shapes"), entry("runs"), entry("policy"), entry("meta")]
    changes: tuple[Callable[[Doc[Any]], object], ...] = (
        lambda doc: doc.get("shapes", type=Map)["a"].update({"x": 5}),
        lambda doc: doc.get("shapes", type=Map).pop("a"),
        lambda doc: doc.get("messages", type=Map).pop("m"),
        lambda doc: doc.get("messages", type=Map)["m"].update({"body": "No"}),
        lambda doc: doc.get("meta", type=Map).update({"title": "Mine"}),
    )
    for number, change in enumerate(changes):
        replica: Doc[Any] = Doc(client_id=2**23 + number)
        replica.apply_update(board.get_update())
        state = replica.get_state()
        change(replica)
        out.append(replica.get_update(state))
    return out


HOST = "board.example:8443"
OWN = ("https://board.example:8443", "http://board.example:8443", "HTTPS://Board.Example:8443", None)
LISTED = "https://friend.example"


def spellings() -> list[str]:
    """Origins of pages elsewhere that look like ours."""
    hosts = [
        "evil.example",
        "board.example",
        "board.example:8444",
        "board.example:08443",
        "board.example.:8443",
        "board.example:8443.evil.example",
        "board.example.evil.example:8443",
        "evil-board.example:8443",
        "evil.example:8443",
        "sub.board.example:8443",
        "board.example:8443@evil.example",
        "evil.example@board.example:8443",
        "user:pass@board.example:8443",
        "board.example:8443:8443",
        "xn--bord-5na.example:8443",
        "bоard.example:8443",
        "[::1]:8443",
        "[board.example]:8443",
        "127.0.0.1:8443",
        "friend.example:8443",
        "friend.example.evil.example",
        "notfriend.example",
        "",
        "*",
        "null",
        "[::1",
    ]
    schemes = ["https://", "http://", "ws://", "file://", "chrome-extension://", "//", "", "javascript:", "https:/"]
    found = [scheme + host for scheme, host in itertools.product(schemes, hosts)]
    ours = "board.example:8443"
    found += [
        "null",
        "",
        " ",
        "*",
        f"file://{ours}",
        f"ftp://{ours}",
        f"//{ours}",
        ours,
        f"data:{ours}",
        "https://[::1",
    ]
    found += [f"https://{ours}, https://evil.example", f"https://evil.example#{ours}", f"https://evil.example/{ours}"]
    return list(dict.fromkeys(found))


def test_a4_a_page_elsewhere_is_told_apart_however_its_origin_is_spelt() -> None:
    settings = Settings(origins=(LISTED,))
    found = spellings()
    assert len(found) >= 200
    raw = [(origin, [(b"host", HOST.encode()), (b"origin", origin.encode())]) for origin in found]
    let_in = [origin for origin, headers in raw if is_own_origin(Headers(raw=headers), settings)]
    assert let_in == []
    assert not is_own_origin(Headers({"origin": "null"}), settings), "neither has a name"
    for origin in (*OWN, LISTED):
        assert is_own_origin(Headers({"host": HOST, **({"origin": origin} if origin else {})}), settings), origin


def is_name(name: str) -> bool:
    """W1 in other words than the code's."""
    good = set(string.ascii_letters + string.digits + "._~-")
    parts = name.split("/")
    return len(name) <= MAX_ROOM_NAME and ".." not in name and all(part and set(part) <= good for part in parts)


def test_w1_a_name_is_taken_or_not_by_its_letters_alone(request: pytest.FixtureRequest) -> None:
    dice = random.Random(11)
    letters = string.ascii_letters + string.digits + "._~-/" * 4
    odd = "\0\n\r\t %?#\\:;*<>|\"'`{}[]()&=+,!@$^éß…/．‥\u202e\u200b\ud800🦆"
    taken = 0
    for _ in range(request.config.getoption("--names")):
        name = "".join(dice.choice(letters) for _ in range(dice.choice((0, 1, 3, 8, 40, 127, 128, 129, 200))))
        if dice.random() < 0.5 and name:
            at = dice.randrange(len(name))
            name = name[:at] + dice.choice(odd) + name[at + 1 :]
        if dice.random() < 0.2:
            name = dice.choice(("../", "/", "//", "..", "./", "%2e%2e/", "\n", "~/")) + name
        try:
            assert check_room_name(name) == name
            is_taken = True
        except BadRoomName:
            is_taken = False
        assert is_taken is is_name(name), repr(name)
        taken += is_taken
    assert taken, "none of these names was a good one"
