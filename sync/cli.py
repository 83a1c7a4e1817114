"""`python -m sync` and `coplayer serve`: flags mirror settings.py."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from sync.app import create_app
from sync.server import serve
from sync.settings import Settings, SettingsError


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One flag a setting; unset flags are None, so that the environment counts."""
    for spec in fields(Settings):
        flag = "--" + spec.name.replace("_", "-")
        text = f"{spec.metadata['doc']} [{spec.metadata['env']}]".replace("%", "%%")
        if spec.type == "bool":
            # what is on by default is turned off with --no-...
            action = argparse.BooleanOptionalAction if spec.default else "store_true"
            parser.add_argument(flag, action=action, default=None, help=text)
        else:
            parser.add_argument(flag, type=_TYPES.get(str(spec.type), str), default=None, help=text)


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Flag beats environment beats default. Raises SettingsError."""
    given: dict[str, Any] = {spec.name: getattr(arguments, spec.name) for spec in fields(Settings)}
    return Settings.from_env(**given)


def _origins(text: str) -> tuple[str, ...]:
    return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())


_TYPES: dict[str, Any] = {"int": int, "float": float, "Path": Path, "tuple[str, ...]": _origins}


def main(argv: Sequence[str] | None = None) -> int:
    """Serve documents until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m sync", description="A Yjs document server.")
    add_flags(parser)
    try:
        settings = settings_from(parser.parse_args(argv))
        return serve(create_app(settings), settings, lambda address: print(f"coplayer: {address}", flush=True))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
