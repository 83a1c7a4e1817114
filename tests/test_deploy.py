"""The files for containers and service managers say what the program understands. No engine is needed here."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.cli import _parser
from agent.settings import Settings as AgentSettings
from sync.settings import Settings as ServerSettings

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
UNITS = sorted(DEPLOY.glob("*.service"))
VARIABLE = re.compile(r"\b(?:COPLAYER|OPENAI)_[A-Z_]+\b")


def test_the_dockerfile_passes_hadolint() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_is_well() -> None:
    last = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "/healthz" in last
    assert "STOPSIGNAL SIGTERM" in last
    assert all(re.match(r"\S+:\d+\.\d+\.\d+\S* AS build$|\S+:\d+\.\d+\.\d+\S*$", base) for base in _bases())


def _bases() -> list[str]:
    return re.findall(r"^FROM (.+)$", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["Dockerfile", "compose.yaml", *(f"deploy/{path.name}" for path in sorted(DEPLOY.iterdir()))]
)
def test_every_variable_that_a_file_names_is_a_setting(name: str) -> None:
    known = {spec.metadata["env"] for spec in [*fields(ServerSettings), *fields(AgentSettings)]}
    assert set(VARIABLE.findall((ROOT / name).read_text(encoding="utf-8"))) - known == set()


@pytest.mark.parametrize("service", ["server", "assistant"])
def test_compose_gives_each_process_what_it_reads_and_a_command_that_exists(service: str) -> None:
    spec = COMPOSE["services"][service]
    settings = {"server": ServerSettings, "assistant": AgentSettings}[service]
    known = {field.metadata["env"] for field in fields(settings)}
    assert set(spec["environment"]) - known == set()
    assert _parser().parse_args(spec["command"]).command is not None
    assert spec["read_only"] is True
    assert spec["cap_drop"] == ["ALL"]


def test_compose_shows_nothing_but_the_server_and_that_to_this_machine_only() -> None:
    services = COMPOSE["services"]
    ports = {name: spec.get("ports", []) for name, spec in services.items()}
    assert ports == {"server": ["127.0.0.1:8000:8000"], "assistant": [], "database": []}
    assert services["database"]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert "OPENAI_API_KEY" not in services["server"]["environment"], "the model's key is the assistant's alone"
    assert "COPLAYER_SECRET" not in services["assistant"]["environment"]


def test_compose_names_only_services_networks_and_volumes_that_it_has() -> None:
    services = COMPOSE["services"]
    for spec in services.values():
        assert set(spec.get("depends_on", {})) <= set(services)
        assert set(spec.get("networks", [])) <= set(COMPOSE["networks"])
        assert {volume.partition(":")[0] for volume in spec.get("volumes", [])} <= set(COMPOSE["volumes"])
        for needed in spec.get("depends_on", {}):
            assert "healthcheck" in services[needed] or needed == "server"  # that one's is in its image


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here; the units are checked where it is")
    text = unit.read_text(encoding="utf-8")
    assert "/opt/coplayer/bin/coplayer" in text
    copy = tmp_path / unit.name
    copy.write_text(text.replace("/opt/coplayer/bin/coplayer", "/bin/true"), encoding="utf-8")
    done = subprocess.run([program, "verify", "--man=no", copy], capture_output=True, text=True, check=False)
    assert done.stderr.replace(f"{unit.name}: ", "") == ""
    assert done.returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_units_command_exists_and_is_given_the_time_it_needs(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    command = re.search(r"^ExecStart=/opt/coplayer/bin/coplayer (.+)$", text, re.MULTILINE)
    assert command is not None
    assert _parser().parse_args(command[1].split()).command is not None
    stop = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert stop is not None
    assert int(stop[1]) > ServerSettings().drain_s + 3
