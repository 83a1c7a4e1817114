"""The assistant's settings: read once from the environment at the entry, frozen from there on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address
from typing import Any, Literal, get_args, get_type_hints
from urllib.parse import urlsplit

Api = Literal["responses", "chat"]
ApiChoice = Literal["auto", "responses", "chat"]
VisionChoice = Literal["auto", "yes", "no"]
LogChoice = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

OPENAI_URL = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-6.1-terra"
DEMO_MODEL = "demo"
DEMO_NAME = "Demo assistant (no AI)"
LOCAL_KEY = "local"
MAX_NUMBER = 1e9  # of any setting; keeps infinities and slips out


class SettingsError(ValueError):
    """A setting that cannot be used; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is and how it is spoken to."""

    model: str
    base_url: str
    key: str = field(repr=False)
    api: Api = "responses"
    is_demo: bool = False
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0

    @property
    def host(self) -> str:
        """The server's name, for messages."""
        return urlsplit(self.base_url).hostname or self.base_url

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine or in its private network."""
        return is_local(self.base_url)

    @property
    def is_openai(self) -> bool:
        """Whether the server is OpenAI's or Azure's."""
        return is_openai(self.base_url)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost: input, input from a cache, output; 0 where nobody said."""

    input: float = 0.0
    cached: float = 0.0
    output: float = 0.0

    def cost(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> float:
        """Of one step, in the currency of the prices."""
        fresh = max(0, input_tokens - cached_tokens)
        total = fresh * self.input + cached_tokens * self.cached + output_tokens * self.output
        return round(total / 1e6, 6)


def _says(variable: str, doc: str, least: int = 1) -> dict[str, Any]:
    """A field's environment variable and what people are told of it (default, unit, why); the least whole number."""
    return {"env": variable, "doc": doc, "least": least}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the assistant process needs to know. Every field: environment variable, default, unit, why."""

    server: str = field(
        default="http://127.0.0.1:8000",
        metadata=_says("COPLAYER_SERVER", "URL of the server whose rooms the assistant joins."),
    )
    token: str = field(
        default="",
        repr=False,
        metadata=_says("COPLAYER_TOKEN", "Token the assistant shows to that server; none on an open loopback server."),
    )
    slot: str = field(
        default="assistant",
        metadata=_says(
            "COPLAYER_AGENT", "Id of this assistant: its lease slot and user id. Two assistants need two ids."
        ),
    )
    name: str = field(
        default="Assistant", metadata=_says("COPLAYER_AGENT_NAME", "Name people see at its cursor and in the panel.")
    )
    model: str = field(
        default="",
        metadata=_says(
            "COPLAYER_MODEL", "Model to ask. Default: gpt-6.1-terra with a key or a base URL, else `demo` (no AI)."
        ),
    )
    model_api: ApiChoice = field(
        default="auto",
        metadata=_says(
            "COPLAYER_MODEL_API",
            "`responses`, `chat`, or `auto`: responses for OpenAI and Azure, chat (chat.completions) elsewhere.",
        ),
    )
    model_vision: VisionChoice = field(
        default="auto",
        metadata=_says(
            "COPLAYER_MODEL_VISION",
            "`yes` when the model reads pictures, `no`, or `auto`: yes at OpenAI and Azure. Others get no pictures.",
        ),
    )
    openai_key: str = field(
        default="",
        repr=False,
        metadata=_says("OPENAI_API_KEY", "Key for OpenAI or Azure. Never sent to any other server."),
    )
    model_key: str = field(
        default="",
        repr=False,
        metadata=_says(
            "COPLAYER_MODEL_KEY", "Key for the server at OPENAI_BASE_URL when that is not OpenAI's; sent only there."
        ),
    )
    base_url: str = field(
        default="",
        metadata=_says(
            "OPENAI_BASE_URL", "Where the model is, such as http://127.0.0.1:11434/v1 for Ollama. Default: OpenAI."
        ),
    )
    connect_timeout_s: float = field(
        default=10.0, metadata=_says("COPLAYER_MODEL_CONNECT_TIMEOUT", "Seconds to reach the model's server.")
    )
    event_timeout_s: float = field(
        default=60.0,
        metadata=_says(
            "COPLAYER_MODEL_TIMEOUT", "Seconds without a word from the model before the step is asked again."
        ),
    )
    max_tries: int = field(
        default=4,
        metadata=_says("COPLAYER_MODEL_TRIES", "Requests for one step before the run fails; faults are common."),
    )
    max_turns: int = field(
        default=24, metadata=_says("COPLAYER_MAX_TURNS", "Steps of one run; a run that needs more is going in circles.")
    )
    max_calls: int = field(
        default=60, metadata=_says("COPLAYER_MAX_CALLS", "Tool calls of one run; more than people can follow.")
    )
    run_timeout_s: float = field(
        default=300.0, metadata=_says("COPLAYER_RUN_TIMEOUT", "Seconds of work on one run before it expires.")
    )
    room_tokens_per_day: int = field(
        default=0,
        metadata=_says(
            "COPLAYER_ROOM_TOKENS",
            "Tokens (input and output) that one room may use a day (UTC); 0 for no cap. A room's policy can lower it.",
            least=0,
        ),
    )
    person_tokens_per_day: int = field(
        default=0,
        metadata=_says(
            "COPLAYER_PERSON_TOKENS", "Tokens that one person may use a day (UTC) in one room; 0 for no cap.", least=0
        ),
    )
    model_prices: str = field(
        default="",
        metadata=_says(
            "COPLAYER_MODEL_PRICES",
            "What a million tokens of the model cost, as `input,cached,output` (`1.25,0.125,10`): runs then show their"
            " cost. Prices change, so none are built in.",
        ),
    )
    guest_idle_s: float = field(
        default=120.0,
        metadata=_says(
            "COPLAYER_MCP_IDLE",
            "Seconds without a call after which the run of an MCP client is over; its next call begins another.",
        ),
    )
    answer_patience_s: float = field(
        default=50.0,
        metadata=_says(
            "COPLAYER_MCP_ANSWER",
            "Seconds a call over MCP waits for an answer on the board; clients often give a call up after 60.",
        ),
    )
    call_pause_s: float = field(
        default=0.25,
        metadata=_says(
            "COPLAYER_CALL_PAUSE", "Seconds before a tool call while the cursor travels there: people can watch."
        ),
    )
    demo_pace_s: float = field(
        default=0.03,
        metadata=_says("COPLAYER_DEMO_PACE", "Seconds between the demo assistant's streamed words; 0 in tests."),
    )
    linger_s: float = field(
        default=20.0,
        metadata=_says("COPLAYER_AGENT_LINGER", "Seconds the assistant stays in a room that everybody has left."),
    )
    log: LogChoice = field(
        default="text",
        metadata=_says("COPLAYER_LOG", "What is printed: `text` for people, or `json`, an object a line."),
    )
    log_level: LogLevel = field(
        default="warning",
        metadata=_says("COPLAYER_LOG_LEVEL", "The least that is printed: `debug`, `info`, `warning` or `error`."),
    )
    metrics_port: int = field(
        default=0,
        metadata=_says(
            "COPLAYER_AGENT_METRICS_PORT",
            "Port where the assistant serves `/metrics` (runs, steps, tokens, calls), without a token; 0 for none.",
            0,
        ),
    )
    metrics_host: str = field(
        default="127.0.0.1", metadata=_says("COPLAYER_AGENT_METRICS_HOST", "Address for that; keep it in your network.")
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **flags: Any) -> Settings:
        """Flags beat the environment, the environment beats the defaults. Raises SettingsError."""
        hints = get_type_hints(cls)
        values: dict[str, Any] = {}
        for item in fields(cls):
            raw = environ.get(item.metadata["env"], "").strip()
            if raw:
                values[item.name] = _parse(item.metadata["env"], raw, hints[item.name])
        values.update({name: value for name, value in flags.items() if value is not None})
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        if self.model_api not in ("auto", "responses", "chat"):
            raise SettingsError("COPLAYER_MODEL_API must be auto, responses or chat")
        if self.model_vision not in ("auto", "yes", "no"):
            raise SettingsError("COPLAYER_MODEL_VISION must be auto, yes or no")
        if self.log not in get_args(LogChoice) or self.log_level not in get_args(LogLevel):
            raise SettingsError("COPLAYER_LOG must be text or json, COPLAYER_LOG_LEVEL debug, info, warning or error")
        for name in ("server", "base_url"):
            url = urlsplit(getattr(self, name))
            if getattr(self, name) and (url.scheme not in ("http", "https") or not url.hostname):
                raise SettingsError(f"{_variable(name)} must be an http:// or https:// address")
        for item in fields(self):
            value = getattr(self, item.name)
            least = item.metadata["least"] if isinstance(value, int) else 0
            if isinstance(value, int | float) and not least <= value < MAX_NUMBER:
                raise SettingsError(f"{item.metadata['env']} must be a number of at least {least}, not {value}")
        _ = self.prices

    @property
    def prices(self) -> Prices:
        """What tokens cost. Raises SettingsError."""
        if not self.model_prices:
            return Prices()
        try:
            values = [float(part) for part in self.model_prices.split(",")]
        except ValueError:
            values = []
        if len(values) != 3 or not all(0 <= value < MAX_NUMBER for value in values):
            raise SettingsError(
                f"COPLAYER_MODEL_PRICES must be three numbers, input,cached,output, not {self.model_prices!r}"
            )
        return Prices(*values)

    @property
    def is_demo(self) -> bool:
        """Without a key and a model's address, or when asked for, the rule-based model answers."""
        if self.model:
            return self.model == DEMO_MODEL
        return not (self.openai_key or self.model_key or self.base_url)

    @property
    def sees(self) -> bool:
        """Whether the model is known to read pictures."""
        if self.is_demo or self.model_vision != "auto":
            return self.model_vision == "yes" and not self.is_demo
        return is_openai(self.base_url.rstrip("/") or OPENAI_URL)

    @property
    def display_name(self) -> str:
        """The name people see; the demo assistant never passes for a model."""
        return DEMO_NAME if self.is_demo else self.name

    def endpoint(self, demo_url: str | None = None) -> Endpoint:
        """Where to ask. `demo_url`: where the demo model is served, needed when `is_demo`. Raises SettingsError."""
        if self.is_demo:
            if demo_url is None:
                raise SettingsError("the demo model has no address")
            api: Api = "chat" if self.model_api == "chat" else "responses"
            return self._endpoint(DEMO_NAME, demo_url, LOCAL_KEY, api)
        url = self.base_url.rstrip("/") or OPENAI_URL
        own = is_openai(url)
        api = self.model_api if self.model_api != "auto" else ("responses" if own else "chat")
        return self._endpoint(self.model or DEFAULT_MODEL, url, self._key(url), api)

    def _endpoint(self, model: str, url: str, key: str, api: Api) -> Endpoint:
        return Endpoint(model, url, key, api, self.is_demo, self.connect_timeout_s, self.event_timeout_s)

    def _key(self, url: str) -> str:
        """The key for this address: a key of one server is never sent to another unasked."""
        if is_openai(url):
            key = self.openai_key or self.model_key
            if not key:
                raise SettingsError("Set OPENAI_API_KEY, or COPLAYER_MODEL=demo to work without a model.")
            return key
        if self.model_key:
            return self.model_key
        if is_local(url):
            return LOCAL_KEY
        raise SettingsError(
            f"OPENAI_BASE_URL is {urlsplit(url).hostname}, so OPENAI_API_KEY is not sent there."
            " Set COPLAYER_MODEL_KEY to the key of that server."
        )

    @property
    def model_line(self) -> str:
        """Which model answers, for people. Raises SettingsError when it cannot be asked as things are set."""
        if self.is_demo:
            return f"{DEMO_NAME}; set OPENAI_API_KEY (and OPENAI_BASE_URL for other servers) for a real model"
        endpoint = self.endpoint()
        return f"{endpoint.model} at {endpoint.host} ({endpoint.api})"

    def with_(self, **changes: Any) -> Settings:
        """A copy with some fields changed."""
        return replace(self, **changes)


def is_openai(url: str) -> bool:
    """Whether the address is OpenAI's or Azure OpenAI's."""
    host = urlsplit(url).hostname or ""
    names = ("api.openai.com", ".openai.com", ".openai.azure.com", ".cognitiveservices.azure.com")
    return urlsplit(url).scheme == "https" and any(host == n or (n[0] == "." and host.endswith(n)) for n in names)


def is_local(url: str) -> bool:
    """Whether the address is on this machine or in a private network."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private or address.is_link_local


def _variable(name: str) -> str:
    return next(str(item.metadata["env"]) for item in fields(Settings) if item.name == name)


def _parse(variable: str, raw: str, kind: object) -> Any:
    try:
        if kind is float:
            return float(raw)
        if kind is int:
            return int(raw)
    except ValueError as error:
        raise SettingsError(f"{variable} must be a number, not {raw!r}") from error
    return raw
