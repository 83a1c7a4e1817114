"""What the assistant's process counts: read by Prometheus' own parser, the figures are those of the run itself."""

from __future__ import annotations

import socket

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.demo_wire import Reply
from agent.metrics import Metrics, served
from agent.model import StepDone, StepFailed, Usage
from agent.settings import SettingsError
from tests.agent.fault_server import Fault, ModelServer, Switch, serving
from tests.agent.scene import Stage
from tests.agent.test_run import draw

pytestmark = pytest.mark.anyio
HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def figures(metrics: Metrics) -> dict[str, float]:
    """As a scraper reads them: `name{label,label}` -> value, without buckets and times."""
    with served(metrics, HOST, free_port()) as port:
        page = httpx.get(f"http://{HOST}:{port}/metrics").text
    return {
        f"{sample.name}{{{','.join(sample.labels.values())}}}": sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if family.name.startswith("coplayer_") and not sample.name.endswith(("_bucket", "_created", "_sum"))
    }


async def test_o1_the_figures_of_a_run_are_what_it_did() -> None:
    switch = Switch(ModelServer([]))
    replies = [Reply("", (draw(2), ("create", {"shapes": "none"}), ("rm", {}))), Reply("Done.")]
    async with serving(switch) as url, Stage(url, switch).scene(ModelServer(replies, [Fault(status=500)])) as scene:
        state = await scene.ask("draw")
        found = figures(scene.runner._world.metrics)
    assert state["status"] == "completed"
    assert found == {
        "coplayer_agent_rooms{}": 0,
        "coplayer_agent_runs_total{completed}": 1,
        "coplayer_agent_step_seconds_count{server_error}": 1,
        "coplayer_agent_step_seconds_count{done}": 2,
        "coplayer_agent_tokens_total{input}": state["usage"]["input"],
        "coplayer_agent_tokens_total{output}": state["usage"]["output"],
        "coplayer_agent_tokens_total{cached}": state["usage"]["cached"],
        "coplayer_agent_calls_total{ok,create}": 1,
        "coplayer_agent_calls_total{INVALID,create}": 1,
        "coplayer_agent_calls_total{INVALID,unknown}": 1,  # a name that a model makes up is no label
    }


def test_o1_two_assistants_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.used(Usage(5, 3, 1))
    one.stepped(StepFailed("timeout", "", retryable=True), 60.0)
    one.stepped(StepDone((), incomplete="content_filter"), 1.0)
    with one.in_room():
        found = figures(one)
    assert found["coplayer_agent_rooms{}"] == 1
    assert found["coplayer_agent_tokens_total{input}"] == 5
    assert found["coplayer_agent_step_seconds_count{content_filter}"] == 1
    assert figures(other) == {"coplayer_agent_rooms{}": 0}


def test_a_port_that_is_taken_is_told_in_a_sentence_and_port_0_serves_nothing() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with (
            pytest.raises(SettingsError, match="COPLAYER_AGENT_METRICS_PORT"),
            served(Metrics(), HOST, taken.getsockname()[1]),
        ):
            pass
    with served(Metrics(), HOST, 0) as port:
        assert port == 0
