"""Make `sync/canvas/fonts`, what pictures of a board are lettered with, from the font files the board itself shows.

cd frontend && npm ci && cd ..
uv run --no-project --with fonttools --with brotli python tests/canvas/make_fonts.py

Static, one file a weight: the renderer takes neither woff2 nor the weights of a variable font.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools.merge import Merger  # type: ignore[import-not-found, unused-ignore] # a build-time tool, as the next
from fontTools.ttLib import TTFont  # type: ignore[import-not-found, unused-ignore] # same
from fontTools.varLib.instancer import instantiateVariableFont  # type: ignore[import-not-found, unused-ignore] # same

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "frontend" / "node_modules" / "@fontsource-variable" / "inter"
FONTS = ROOT / "sync" / "canvas" / "fonts"
SCRIPTS = ("latin", "latin-ext", "greek", "cyrillic", "vietnamese")
STYLES = {400: "Regular", 500: "Medium"}  # of text and notes, and of labels in other shapes


def make(weight: int) -> None:
    """Write one weight: an instance of each script's file, put together, as a renderer mixes the weights of several."""
    style = STYLES[weight]
    with TemporaryDirectory() as folder:
        parts = [str(instance(script, weight, Path(folder))) for script in SCRIPTS]
        font = Merger().merge(parts)
    names = {1: f"Inter {style}", 2: "Regular", 4: f"Inter {style}", 6: f"Inter-{style}", 16: "Inter", 17: style}
    font["name"].names = []
    for number, text in names.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = weight
    font.recalcTimestamp = False
    font["head"].modified = font["head"].created  # the same bytes every time
    font.save(FONTS / f"Inter-{style}.ttf")


def instance(script: str, weight: int, folder: Path) -> Path:
    """One script at one weight, as a file."""
    font = TTFont(PACKAGE / "files" / f"inter-{script}-wght-normal.woff2")
    font = instantiateVariableFont(font, {"wght": weight})
    for table in ("STAT", "GSUB", "DSIG"):  # not needed for plain labels
        if table in font:
            del font[table]
    font.flavor = None
    path = folder / f"{script}.ttf"
    font.save(path)
    return path


if __name__ == "__main__":
    FONTS.mkdir(exist_ok=True)
    for each in STYLES:
        make(each)
    (FONTS / "OFL.txt").write_bytes((PACKAGE / "LICENSE").read_bytes())
