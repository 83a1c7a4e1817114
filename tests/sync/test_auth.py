"""Tokens that others sign (docs/spec.md, A7): which keys are taken, which tokens are believed, and which are not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sync import key_source
from sync.auth import Access, Authority, Issuer, NotAllowed
from sync.key_source import keep_fresh, keys_from_file
from sync.keys import BadKeys, read_keys
from sync.protocol import CloseCode
from sync.settings import Settings, SettingsError

NOW = 1_700_000_000
SECRET = "a secret of thirty-two bytes or more"
RSA = rsa.generate_private_key(65537, 2048)
SIGNERS: dict[str, Any] = {
    "RS256": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(key: Any) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def jwk(algorithm: str, key: Any, **more: str) -> dict[str, Any]:
    made: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**made, **more}


def claims(**more: Any) -> dict[str, Any]:
    return {"sub": "ann", "room": "team/*", "access": "write", "exp": NOW + 60, **more}


def signed(algorithm: str, kid: str | None = None, **more: Any) -> str:
    return jwt.encode(claims(**more), SIGNERS[algorithm], algorithm, headers={"kid": kid} if kid else None)


def believed(authority: Authority, token: str) -> Access | CloseCode:
    try:
        return authority.room_access(token, "team/board", NOW)
    except NotAllowed as refused:
        return refused.code


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a7_a_token_is_believed_when_the_key_of_its_issuer_signed_it(algorithm: str) -> None:
    for text in (
        pem(SIGNERS[algorithm]),
        json.dumps({"keys": [jwk(algorithm, SIGNERS[algorithm], kid="now"), {"kty": "oct", "k": "c2VjcmV0"}]}),
    ):
        authority = Authority("", Issuer(), read_keys(text))
        access = believed(authority, signed(algorithm, "now"))
        assert isinstance(access, Access)
        assert (access.user, access.role) == ("ann", "write")
        assert not authority.is_open


def test_a7_our_own_tokens_and_the_issuers_are_believed_side_by_side() -> None:
    authority = Authority(SECRET, Issuer(), read_keys(pem(RSA)))
    ours = authority.mint(Access("ben", None, "read", "team/board"), NOW, 60)
    assert isinstance(believed(authority, ours), Access)
    assert isinstance(believed(authority, signed("RS256")), Access)
    assert believed(Authority("", Issuer(), read_keys(pem(RSA))), ours) is CloseCode.UNAUTHORIZED


def test_a7_a_public_key_is_no_secret_and_no_signature_is_no_token() -> None:
    """The two classic confusions: HS256 keyed with the PEM that everybody has, and `alg: none`."""
    authority = Authority(SECRET, Issuer(), read_keys(pem(RSA)))
    header, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (
            {"alg": "HS256", "typ": "JWT"},
            claims(),
        )
    )
    mac = hmac.new(pem(RSA).encode(), header + b"." + body, hashlib.sha256).digest()
    forged = (header + b"." + body + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()
    assert believed(authority, forged) is CloseCode.UNAUTHORIZED
    assert believed(authority, jwt.encode(claims(), "", "none")) is CloseCode.UNAUTHORIZED
    other = jwt.encode(claims(), rsa.generate_private_key(65537, 2048), "RS256")
    assert believed(authority, other) is CloseCode.UNAUTHORIZED


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"aud": "others"}, CloseCode.UNAUTHORIZED),
        ({"aud": None}, CloseCode.UNAUTHORIZED),
        ({"iss": "https://elsewhere"}, CloseCode.UNAUTHORIZED),
        ({"exp": NOW - 60}, CloseCode.UNAUTHORIZED),
        ({"nbf": NOW + 60}, CloseCode.UNAUTHORIZED),
        ({"access": "owner"}, CloseCode.UNAUTHORIZED),
        ({"room": ["team/board"]}, CloseCode.UNAUTHORIZED),
        ({"room": "other/board"}, CloseCode.FORBIDDEN),
    ],
)
def test_a7_another_audience_issuer_time_role_or_room_is_refused(more: dict[str, Any], code: CloseCode) -> None:
    authority = Authority("", Issuer("coplayer", "https://id"), read_keys(pem(RSA)))
    right: dict[str, Any] = {"aud": ["coplayer", "mail"], "iss": "https://id"}
    assert isinstance(believed(authority, signed("RS256", **right)), Access)
    wrong = {name: value for name, value in {**right, **more}.items() if value is not None}
    assert believed(authority, signed("RS256", **wrong)) is code


def test_a2_a7_a_token_that_was_changed_anywhere_is_refused(request: pytest.FixtureRequest) -> None:
    dice = random.Random(5)
    authority = Authority(
        SECRET, Issuer(), read_keys(json.dumps({"keys": [jwk(a, SIGNERS[a], kid=a) for a in SIGNERS]}))
    )
    tokens = [signed(algorithm, algorithm) for algorithm in SIGNERS]
    tokens.append(authority.mint(Access("ann", None, "write", "team/*"), NOW, 60))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    for _ in range(request.config.getoption("--forgeries")):
        token = dice.choice(tokens)
        parts = token.split(".")
        match dice.randrange(4):
            case 0:
                at = dice.randrange(len(token) - 4)  # the last letter of a signature has bits that mean nothing
                forged = token[:at] + dice.choice(letters) + token[at + 1 :]
            case 1:
                parts[0] = dice.choice(tokens).split(".")[0]
                forged = ".".join(parts)
            case 2:
                body = {**claims(), "access": "admin", "room": "*", "jti": dice.random()}
                parts[1] = base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()
                forged = ".".join(parts)
            case _:
                parts[2] = dice.choice(tokens).split(".")[2][: dice.randrange(90)]
                forged = ".".join(parts)
        if forged not in tokens:
            assert believed(authority, forged) is CloseCode.UNAUTHORIZED, forged


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "neither"),
        ("[1]", "neither"),
        ('{"keys": {}}', "list"),
        ('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "no RSA"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "PEM"),
        (pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        (json.dumps({"keys": [{"kty": "RSA"}] * 101}), "at most 100"),
    ],
)
def test_a7_what_holds_no_usable_key_says_why(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(BadKeys, match=why):
        read_keys(text)
    (tmp_path / "keys").write_text(text)
    with pytest.raises(SettingsError, match=why):
        keys_from_file(str(tmp_path / "keys"))


def test_a1_a_server_that_knows_an_issuer_may_listen_to_others() -> None:
    assert Settings.from_env({"COPLAYER_HOST": "0.0.0.0", "COPLAYER_JWT_KEYS": "keys.pem"}).asks_for_tokens
    with pytest.raises(SettingsError, match="without COPLAYER_JWT_KEYS"):
        Settings.from_env({"COPLAYER_JWT_AUDIENCE": "coplayer"})


@pytest.mark.anyio
async def test_a7_keys_are_fetched_again_when_a_token_names_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that rolls its keys, and is out of order at first."""
    monkeypatch.setattr(key_source, "FETCH_PAUSE_S", 0.01)
    monkeypatch.setattr(key_source, "RETRY_S", 0.01)
    answers: list[str] = ["out of order", json.dumps({"keys": [jwk("RS256", RSA, kid="old")]})]
    asked = 0

    class Provider(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal asked
            asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write((answers.pop(0) if len(answers) > 1 else answers[0]).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    authority = Authority("", Issuer())
    assert believed(authority, signed("RS256", "old")) is CloseCode.GOING_AWAY
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as provider, anyio.fail_after(20):
        threading.Thread(target=provider.serve_forever).start()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep_fresh, authority, f"http://127.0.0.1:{provider.server_port}/keys")
            while not isinstance(believed(authority, signed("RS256", "old")), Access):
                await anyio.sleep(0.01)
            answers[:] = [json.dumps({"keys": [jwk("ES256", SIGNERS["ES256"], kid="new")]})]
            while not isinstance(believed(authority, signed("ES256", "new")), Access):
                await anyio.sleep(0.01)
            assert believed(authority, signed("RS256", "old")) is CloseCode.UNAUTHORIZED
            tasks.cancel_scope.cancel()
        await anyio.to_thread.run_sync(provider.shutdown)
    assert asked >= 3
