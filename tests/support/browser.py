"""Which Chromium the browser tests use, in this order: COPLAYER_CHROMIUM, Playwright's own, one on PATH.

`python -m tests.support.browser` prints it, or exits with status 2 and says what to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VARIABLE = "COPLAYER_CHROMIUM"
ON_PATH = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
)
MAC_APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
CHOICES = f"""\
There is no Chromium for the browser tests. Any one of these will do:
  Debian, Ubuntu:  apt-get install chromium   (as root; Ubuntu's own is a snap, which cannot be driven)
  macOS:           brew install --cask google-chrome
  anywhere:        .venv/bin/python -m playwright install --only-shell chromium
  one you have:    {VARIABLE}=/path/to/chromium ./dev test
To leave these tests out: ./dev test -m "not browser\""""


class NoBrowser(Exception):
    """No browser was found; the message lists the choices."""


def _playwright_has_its_own() -> bool:
    """Asks Playwright where its headless shell would be installed, and looks there."""
    command = [sys.executable, "-m", "playwright", "install", "--dry-run", "--only-shell", "chromium"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    places = [line.split(":", 1)[1].strip() for line in answer.splitlines() if "Install location:" in line]
    return any("headless" in place and Path(place).is_dir() for place in places)


def _is_snap(path: Path) -> bool:
    """A snap sees neither our temporary folders nor Playwright's pipe; Ubuntu's deb is a script that runs the snap."""
    with path.open("rb") as file:
        return "/snap/" in str(path) or "/snap/" in str(path.resolve()) or b"/snap/" in file.read(4096)


def find_browser() -> Path | None:
    """The executable to launch; None means Playwright's own. Raises NoBrowser."""
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise NoBrowser(f"{VARIABLE} is {named}, and there is no such file.")
        return Path(named)
    if _playwright_has_its_own():
        return None
    on_path = (Path(path) for name in ON_PATH if (path := shutil.which(name)))
    mac_apps = (Path(path) for path in MAC_APPS if Path(path).is_file())
    browser = next((path for path in on_path if not _is_snap(path)), None) or next(mac_apps, None)
    if browser is None:
        raise NoBrowser(CHOICES)
    return browser


if __name__ == "__main__":
    try:
        print(find_browser() or "Playwright's own Chromium")
    except NoBrowser as error:
        print(error, file=sys.stderr)
        sys.exit(2)
