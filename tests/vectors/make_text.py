"""Make tests/vectors/text.json: widths of labels as Chromium draws them in the board's Inter, 15 px, in two weights.

Needs frontend/node_modules (npm ci) and a Chromium; run by hand when the font or the strings change.
"""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
FONT = HERE.parents[1] / "frontend" / "node_modules" / "@fontsource-variable" / "inter"
WORDS = (
    "a|I|W|Login|Sign up|Submit|Cancel|OK|Yes|No|Database|API gateway|Load balancer|User service|Auth|Queue|"
    "Cache|Redis|PostgreSQL|Worker 1|Worker 2|Payment provider|To do|In progress|Done|Backlog|Review|"
    "Release 2.4.1|v1.0|100%|42|3.14159|$1,299.00|2026-11-22|12:30|Q1 2027|#hashtag|@mention|"
    "e-mail: ann@example.org|https://example.org/a/b?c=d|The quick brown fox jumps over the lazy dog|"
    "THE QUICK BROWN FOX|AVATAR WAY To Ty Ve|Pack my box with five dozen|iiiiiiiiii|llllllllll|MMMMMMMMMM|"
    "wwwwwwwwww|0123456789|(parentheses)|[brackets]|{braces}|a/b/c|a-b-c|a_b_c|a+b=c|“quoted”|‘single’|it's|"
    "rock'n'roll|dash – en|dash — em|ellipsis…|bullet • point|Größe|Übergröße|naïve café|Ångström|São Paulo|Łódź|"
    "Žižek|Čeština|Türkçe İstanbul|Español ¿qué?|Français: ça va|Ελληνικά|Αθήνα|Привет, мир|Київ|Москва|"
    "Tiếng Việt|Hà Nội|What is the user trying to do?|Ship it!|Why? Because.|Step 1: collect|"
    "Step 2: transform and clean|Step 3: load|if x > 0|x < y|A & B|50 px|10 km/h|Mon Tue Wed|Monday, 3 February|"
    "Customer support|Decision|Start|End|Onboarding flow (draft)|Total: 12 items|"
    "Very long label that goes on and on"
)


def main() -> None:
    """Write the file."""
    strings = WORDS.split("|")
    faces = "".join(
        f"@font-face{{font-family:Inter;font-weight:100 900;src:url(data:font/woff2;base64,{_font(subset)})}}".replace(
            "}", f";unicode-range:{_range(subset)}}}", 1
        )
        for subset in ("latin", "latin-ext", "greek", "cyrillic", "cyrillic-ext", "vietnamese")
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = browser.new_page()
        page.set_content(f"<style>{faces} span{{font:400 15px Inter;white-space:pre;position:absolute}}</style>")
        widths = page.evaluate(
            """async strings => {
                await Promise.all(strings.map(s => document.fonts.load("400 15px Inter", s)));
                const width = (s, weight) => {
                    const span = document.createElement("span");
                    span.style.fontWeight = weight;
                    span.textContent = s;
                    document.body.append(span);
                    return Math.round(span.getBoundingClientRect().width * 100) / 100;
                };
                return [400, 500].map(weight => strings.map(s => width(s, weight)));
            }""",
            strings,
        )
        browser.close()
    by_weight = {
        str(weight): dict(zip(strings, row, strict=True)) for weight, row in zip((400, 500), widths, strict=True)
    }
    record = {"font": "Inter", "font_size": 15, "widths": by_weight}
    (HERE / "text.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n")


def _font(subset: str) -> str:
    return base64.b64encode((FONT / "files" / f"inter-{subset}-wght-normal.woff2").read_bytes()).decode()


def _range(subset: str) -> str:
    return str(json.loads((FONT / "unicode.json").read_text())[subset])


if __name__ == "__main__":
    main()
