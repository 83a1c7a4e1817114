"""What is public is documented, and what is documented exists."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import fields
from enum import IntEnum
from pathlib import Path

import pytest

from agent.settings import Settings as AgentSettings
from agent.tools import TOOLS
from docs import generate
from sync.canvas.schema import ROOTS
from sync.protocol import CloseCode, MessageType
from sync.settings import Settings as ServerSettings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SPEC = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
RULE = re.compile(r"\b([WCPGDSRTAVE])(\d{1,2})\b")
VARIABLE = re.compile(r"\b(?:COPLAYER|OPENAI)_[A-Z_]+\b")


def section(letter: str) -> str:
    return SPEC.split(f"\n## {letter}: ")[1].split("\n## ")[0]


def numbered_rules() -> list[str]:
    return re.findall(r"^- \*\*([A-Z]\d+)\*\*", SPEC, re.MULTILINE)


def first_cells(text: str) -> list[tuple[str, str]]:
    """(number, NAME) of every row of a table that begins with a number and a name."""
    return re.findall(r"^\| (\d+) \| `([A-Z_0-9]+)` \|", text, re.MULTILINE)


def test_the_reference_is_what_the_code_says_settings_routes_and_tools_included() -> None:
    assert generate.render() == REFERENCE, "run ./dev generate"


def test_every_setting_route_and_tool_has_a_sentence() -> None:
    rows = [line.split(" | ") for line in REFERENCE.splitlines() if line.startswith("| ")]
    assert [row for row in rows if len(row[-1].strip(" |")) < 2] == []
    documented = {cell for row in rows for cell in re.findall(r"`([^`]+)`", " ".join(row[:2]))}
    settings = [*fields(ServerSettings), *fields(AgentSettings)]
    assert {spec.metadata["env"] for spec in settings} <= documented
    assert {tool.name for tool in TOOLS} <= documented
    assert {path for _, path, _ in generate.routes()} <= documented


@pytest.mark.parametrize("command", ["up", "serve", "agent"])
def test_every_flag_of_a_command_is_in_the_reference_and_every_setting_is_a_flag(command: str) -> None:
    asked = [sys.executable, "-m", "agent", command, "--help"]
    answer = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    flags = set(re.findall(r"(?<![\w`-])--[a-z][a-z-]*", answer)) - {"--help", "--open", "--no-open"}
    flags -= {flag for flag in flags if flag.startswith("--no-") and f"--{flag.removeprefix('--no-')}" in flags}
    server = {generate.server_flag(spec) for spec in fields(ServerSettings)}
    agent = {generate.agent_flag(spec) for spec in fields(AgentSettings)}
    wanted = {"serve": server, "agent": agent, "up": server | agent - {"--server", "--token"}}[command]
    assert flags - {"--insecure"} == wanted - {"--insecure"}  # sentences about other settings name --insecure


@pytest.mark.parametrize(("letter", "numbers"), [("W", MessageType), ("C", CloseCode)])
def test_the_spec_lists_exactly_the_numbers_of_the_code(letter: str, numbers: type[IntEnum]) -> None:
    assert first_cells(section(letter)) == [(str(member.value), member.name) for member in numbers]


@pytest.mark.parametrize("code", CloseCode)
def test_c2_the_spec_says_of_each_close_code_whether_a_client_comes_back(code: CloseCode) -> None:
    row = next(line for line in section("C").splitlines() if line.startswith(f"| {code.value} "))
    assert row.endswith("| no |" if 4400 <= code < 4500 else "| yes |")


def test_d1_the_spec_names_the_documents_roots() -> None:
    assert f"`{' '.join(ROOTS)}`" in section("D")


def test_every_rule_has_one_number() -> None:
    rules = numbered_rules()
    assert len(rules) == len(set(rules)) > 50


def test_every_rule_that_code_or_a_test_cites_exists() -> None:
    known = set(numbered_rules())
    unknown = [
        f"{path.relative_to(ROOT)}: {rule}"
        for folder in ("sync", "agent", "tests", "frontend/src")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".ts", ".tsx") and path != Path(__file__)
        for rule in cited_rules(path.read_text(encoding="utf-8"))
        if rule not in known
    ]
    assert unknown == []


def cited_rules(source: str) -> list[str]:
    """In comments and docstrings (`docs/spec.md W3`, `(P6)`) and in names of tests (`test_w3_...`)."""
    names = re.findall(r"def (test_\w+)", source)
    in_names = [
        f"{letter.upper()}{n}" for name in names for letter, n in re.findall(r"_([wcpgdsrtave])(\d+)(?=_|$)", name)
    ]
    in_prose = re.findall(r"(?:spec\.md,? |\(|, )([WCPGDSRTAVE]\d{1,2})(?=[,).;:]| )", source)
    return [*in_names, *in_prose]


def test_every_variable_named_in_the_documentation_is_read_somewhere() -> None:
    settings = {spec.metadata["env"] for spec in [*fields(ServerSettings), *fields(AgentSettings)]}
    tools = "".join(
        (ROOT / name).read_text(encoding="utf-8") for name in ("dev", "hatch_build.py", "tests/support/browser.py")
    )
    known = settings | set(VARIABLE.findall(tools))
    named = {name for page in PAGES for name in VARIABLE.findall(page.read_text(encoding="utf-8"))}
    assert named - known == set()


def test_the_readme_names_every_command_of_dev_and_no_other() -> None:
    answer = subprocess.run([sys.executable, ROOT / "dev", "help"], capture_output=True, text=True, check=True).stdout
    commands = set(re.findall(r"^\./dev (\w+)", answer, re.MULTILINE))
    assert commands == {"run", "test", "generate", "lint", "bench"}
    assert set(re.findall(r"\./dev (\w+)", README)) == commands


def test_dev_parses_on_an_old_python_so_that_it_can_say_what_is_missing() -> None:
    ast.parse((ROOT / "dev").read_text(encoding="utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_paths_that_readme_and_architecture_name_exist() -> None:
    text = README + (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:sync|agent|frontend|tests|docs|benchmarks|\.ci)/[\w./-]*)`", text))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_t1_the_readmes_tool_is_the_example_as_it_stands() -> None:
    block = re.search(r"```python\n(.*?class .*?)```", README, re.DOTALL)
    assert block is not None
    assert block[1] == (ROOT / "examples" / "own_tool" / "number.py").read_text(encoding="utf-8")


RELIABILITY = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
COMMANDS = [
    code
    for code in re.findall(r"`([^`]+)`", RELIABILITY)
    if re.search(r"^(\./dev bench|pytest|python|\w+=\S+ npx) ", code)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_page_on_reliability_says_to_run_is_there_and_takes_these_flags(command: str) -> None:
    words = command.split()
    flags = [word.partition("=")[0] for word in words if word.startswith("--")]
    match words:
        case ["./dev", "bench", name, *_] if (ROOT / "benchmarks" / f"{name}.py").exists():
            source = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
        case ["python", path, *_]:
            source = (ROOT / path).read_text(encoding="utf-8")
        case ["pytest", path, *_]:
            assert (ROOT / path).is_file()
            source = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
        case [setting, "npx", "vitest", "run", path]:
            assert setting.partition("=")[0] in (ROOT / "frontend" / path).read_text(encoding="utf-8")
            source = ""
        case _:
            pytest.fail(f"no such command: {command}")
    assert [flag for flag in flags if f'"{flag}"' not in source] == []


def test_the_page_on_reliability_has_a_command_in_every_row() -> None:
    rows = [line.strip("| ").split(" | ") for line in RELIABILITY.splitlines() if line.startswith("| ")]
    tried = [row for row in rows if row[0] not in ("promise", "attack")]
    assert len(tried) >= 18
    assert [row for row in tried if len(row) != 5 or not any(f"`{command}`" in row[-1] for command in COMMANDS)] == []
