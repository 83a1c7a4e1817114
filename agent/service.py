"""The assistant process: its model, its worker, and a clean stop on a signal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import anyio

from agent.demo_app import serve_demo
from agent.demo_model import answer
from agent.metrics import Metrics, served
from agent.model import Model
from agent.models_check import check, is_fine, told
from agent.openai_model import OpenAIModel
from agent.rooms import Refused
from agent.settings import Settings, SettingsError
from agent.tools import TOOLS
from agent.tools.base import Tool
from agent.worker import Worker
from sync import tracing


@asynccontextmanager
async def open_model(settings: Settings) -> AsyncIterator[Model]:
    """The model of the settings, ready to be asked. The demo model is served on a free port of this machine."""
    async with AsyncExitStack() as stack:
        demo_url = None
        if settings.is_demo:
            demo_url = await stack.enter_async_context(serve_demo(answer, settings.demo_pace_s))
        yield await stack.enter_async_context(OpenAIModel(settings.endpoint(demo_url)))


async def check_model(settings: Settings) -> int:
    """Try the model of the settings out and print what works; the exit status. Raises SettingsError."""
    async with AsyncExitStack() as stack:
        demo_url = await stack.enter_async_context(serve_demo(answer, 0)) if settings.is_demo else None
        endpoint = settings.endpoint(demo_url)
        model = await stack.enter_async_context(OpenAIModel(endpoint))
        findings = await check(model, endpoint)
    sys.stdout.write(told(endpoint, findings) + "\n")
    return 0 if is_fine(findings) else 1


async def work(settings: Settings, tools: Sequence[type[Tool]] = TOOLS) -> int:
    """Join rooms and work until SIGINT or SIGTERM; the exit status."""
    status = 0
    try:
        tracing.use_environment("coplayer-agent")
    except ImportError:
        raise SettingsError("Traces need more packages: pip install 'coplayer[traces]'") from None
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_signal, tasks.cancel_scope)
            metrics = Metrics()
            with served(metrics, settings.metrics_host, settings.metrics_port):
                async with open_model(settings) as model:
                    await Worker(settings, model, tools, uuid4().hex, metrics).run()
    except* Refused as group:
        sys.stderr.write(f"coplayer agent: {group.exceptions[0]}\n")
        status = 1
    except* SettingsError as group:
        sys.stderr.write(f"coplayer agent: {group.exceptions[0]}\n")
        status = 2
    return status


async def _until_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


def stop_with_parent() -> None:
    """End this process when the one that started it is gone: its end of our stdin closes, whatever killed it."""

    def watch() -> None:
        # The bare descriptor: a buffered reader would still be locked by this thread when the interpreter ends.
        while os.read(0, 1024):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
