"""`./dev` and what it looks for say in a sentence what is missing; nothing is skipped silently."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from frontend.build import Node, find_node, node_on_path

ROOT = Path(__file__).resolve().parents[1]


def look_for_browser(tmp_path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """In an environment with no browser but what `environ` says."""
    bare = {key: value for key, value in os.environ.items() if key not in ("PATH", "COPLAYER_CHROMIUM")}
    bare.update(PATH=str(tmp_path), PLAYWRIGHT_BROWSERS_PATH=str(tmp_path / "none"), **environ)
    command = [sys.executable, "-m", "tests.support.browser"]
    return subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)


def program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_without_a_browser_the_choices_are_listed_and_the_status_is_2(tmp_path: Path) -> None:
    answer = look_for_browser(tmp_path)
    assert answer.returncode == 2
    assert "apt-get install chromium" in answer.stderr
    assert "COPLAYER_CHROMIUM" in answer.stderr


def test_a_browser_on_path_is_found_but_a_snap_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "chromium-browser", "#!/bin/sh\nexec /snap/bin/chromium\n")
    assert look_for_browser(tmp_path).returncode == 2
    chrome = program(tmp_path / "google-chrome", "#!/bin/sh\n")
    assert look_for_browser(tmp_path).stdout.strip() == str(chrome)


def test_a_browser_that_is_named_wins_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    program(tmp_path / "chromium", "#!/bin/sh\n")
    mine = program(tmp_path / "mine", "#!/bin/sh\n")
    assert look_for_browser(tmp_path, COPLAYER_CHROMIUM=str(mine)).stdout.strip() == str(mine)
    answer = look_for_browser(tmp_path, COPLAYER_CHROMIUM="/nowhere/chromium")
    assert (answer.returncode, "no such file" in answer.stderr) == (2, True)


def test_an_unknown_command_prints_what_there_is(tmp_path: Path) -> None:
    answer = subprocess.run([sys.executable, ROOT / "dev", "fly"], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "./dev run" in answer.stdout


def test_a_node_that_is_missing_or_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_node()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert node_on_path() == "there is no node (with npm) on PATH"
    program(tmp_path / "npm", "#!/bin/sh\n")
    program(tmp_path / "node", "#!/bin/sh\necho v18.20.0\n")
    assert node_on_path() == "node v18.20.0 is older than 20.19"
    program(tmp_path / "node", "#!/bin/sh\necho v20.19.0\n")
    assert isinstance(node_on_path(), Node)
    assert found.node.exists()
