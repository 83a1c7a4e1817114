"""The one file that imports openai: sends a step over either wire and turns every fault into a StepFailed.

The SDK is used as HTTP, server-sent events and types: `create(stream=True)` raw, `max_retries=0`. Its streaming
helpers lose errors, its own retries would hide a fault that people should see, and it ends silently when a stream is
cut (a cut is recognised here: no terminal event on the Responses wire, neither finish_reason nor `[DONE]` on chat).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import anyio
import httpx2
import openai
from pydantic import BaseModel

from agent.chat_wire import ChatReader
from agent.chat_wire import request_body as chat_body
from agent.model import Event, StepDone, StepFailed, StepRequest
from agent.responses_wire import ResponsesReader, as_map
from agent.responses_wire import request_body as responses_body
from agent.settings import Endpoint
from agent.wire_errors import failed_from_body, failed_from_status, garbage, retry_after

CLOSE_TIMEOUT_S = 0.5  # a connection that does not close in this time is dropped; Stop must not hang on it
_TAIL = 64  # bytes kept of the end of a stream, enough for "data: [DONE]\r\n\r\n"


class OpenAIModel:
    """A Model behind any server that speaks the Responses API or chat.completions. Use it as a context manager."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._stack = AsyncExitStack()
        self._client: openai.AsyncOpenAI | None = None
        self._wants_thoughts = True
        """Ask for encrypted reasoning to replay; models that do not reason refuse the very question."""

    @property
    def name(self) -> str:
        """The model's name as people read it."""
        return self._endpoint.model

    @property
    def is_demo(self) -> bool:
        """Whether this is the rule-based model."""
        return self._endpoint.is_demo

    async def __aenter__(self) -> OpenAIModel:
        end = self._endpoint
        timeout = openai.Timeout(connect=end.connect_timeout_s, read=end.read_timeout_s, write=30.0, pool=10.0)
        # A proxy from the environment must not get what is meant for this machine.
        http = openai.DefaultAsyncHttpx2Client(
            timeout=timeout, trust_env=not end.is_local, event_hooks={"response": [_watch_end]}
        )
        self._client = openai.AsyncOpenAI(
            api_key=end.key,
            # Said outright, so that no key from OPENAI_CUSTOM_HEADERS or OPENAI_ADMIN_KEY goes along.
            default_headers={"Authorization": f"Bearer {end.key}"},
            admin_api_key="",
            organization=None if end.is_openai else "",
            project=None if end.is_openai else "",
            base_url=end.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=http,
        )
        await self._stack.enter_async_context(self._client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def step(self, request: StepRequest) -> AsyncIterator[AsyncIterator[Event]]:
        """Ask once; see `Model.step`."""
        events = self._events(request)
        async with aclosing(events):
            yield events

    async def _events(self, request: StepRequest) -> AsyncGenerator[Event, None]:
        is_asked_again = True
        while is_asked_again:
            is_asked_again = False
            async with aclosing(self._once(request)) as events:
                async for event in events:
                    is_asked_again = self._wants_thoughts and _refuses_thoughts(event, request)
                    if is_asked_again:
                        self._wants_thoughts = False
                        break
                    yield event

    async def _once(self, request: StepRequest) -> AsyncGenerator[Event, None]:
        read = self._responses if self._endpoint.api == "responses" else self._chat
        try:
            async with aclosing(read(request)) as events:
                async for event in events:
                    yield event
                    if isinstance(event, StepDone | StepFailed):
                        return
        except openai.APIStatusError as error:
            yield failed_from_status(error.status_code, as_map(error.body), retry_after(error.response.headers))
        except openai.APITimeoutError:
            yield StepFailed("timeout", f"The model at {self._endpoint.host} did not answer in time.", retryable=True)
        except openai.APIConnectionError as error:
            yield self._unreachable(error)
        except openai.APIError as error:  # an error event inside the stream
            yield failed_from_body({"message": error.message, **as_map(error.body)})
        except (httpx2.RequestError, ssl.SSLError) as error:
            yield self._unreachable(error)
        except (ValueError, TypeError, AttributeError) as error:
            # The SDK parses frames without checks: bad JSON, bad UTF-8 or a wrong shape arrives as any of these.
            yield garbage(type(error).__name__)

    def _unreachable(self, error: Exception) -> StepFailed:
        reason = next((str(e) for e in (error.__cause__, error) if e is not None and str(e)), "no connection")
        return StepFailed(
            "connection",
            f"The connection to the model at {self._endpoint.host} failed ({reason[:120]}).",
            retryable=True,
        )

    async def _responses(self, request: StepRequest) -> AsyncGenerator[Event, None]:
        assert self._client is not None, "enter the model first"
        body = responses_body(request, self._endpoint.model, wants_thoughts=self._wants_thoughts)
        stream: Any = await self._client.responses.create(**body)
        reader = ResponsesReader()
        async with _closing(stream):
            async for raw in stream:
                for event in reader.feed(_plain(raw)):
                    yield event
        yield reader.finish()

    async def _chat(self, request: StepRequest) -> AsyncGenerator[Event, None]:
        assert self._client is not None, "enter the model first"
        body = chat_body(request, self._endpoint.model)
        stream: Any = await self._client.chat.completions.create(**body)
        reader = ChatReader()
        async with _closing(stream):
            async for raw in stream:
                for event in reader.feed(_plain(raw)):
                    yield event
        yield reader.finish(saw_done=_saw_done(stream.response))


def _refuses_thoughts(event: Event, request: StepRequest) -> bool:
    """Whether the refusal is about our asking for reasoning, since the request replays none."""
    replayed = any(item.get("type") == "reasoning" for item in request.items)
    return isinstance(event, StepFailed) and event.code == "reasoning_refused" and not replayed


@asynccontextmanager
async def _closing(stream: Any) -> AsyncIterator[None]:
    """Close the HTTP stream on the way out, also when cancelled: a stream merely left goes on generating."""
    try:
        yield
    finally:
        with anyio.move_on_after(CLOSE_TIMEOUT_S, shield=True):
            await stream.close()


def _plain(event: object) -> Mapping[str, Any]:
    """An SDK object, which may be of any shape, as plain JSON."""
    if isinstance(event, BaseModel):
        return event.model_dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)
    if isinstance(event, Mapping):
        return event
    raise TypeError("not an object")


class _WatchedStream(httpx2.AsyncByteStream):
    """A response body that remembers its last bytes: the SDK swallows `[DONE]`, without which a cut looks whole."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner
        self.tail = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self.tail = (self.tail + chunk)[-_TAIL:]
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _watch_end(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _WatchedStream(response.stream)


def _saw_done(response: httpx2.Response) -> bool:
    stream = response.stream
    return isinstance(stream, _WatchedStream) and b"[DONE]" in stream.tail
