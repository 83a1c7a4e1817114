"""Which model is asked, where, and with which key."""

from __future__ import annotations

from dataclasses import fields

import pytest

from agent.settings import DEFAULT_MODEL, DEMO_NAME, OPENAI_URL, Settings, SettingsError

REAL = {"OPENAI_API_KEY": "sk-real"}
OLLAMA = {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"}
ELSEWHERE = {"OPENAI_BASE_URL": "https://models.example/v1"}


def test_without_a_key_the_demo_assistant_answers_and_says_so() -> None:
    settings = Settings.from_env({})
    assert settings.is_demo
    assert settings.display_name == DEMO_NAME
    endpoint = settings.endpoint("http://127.0.0.1:1/v1")
    assert (endpoint.model, endpoint.key, endpoint.is_demo) == (DEMO_NAME, "local", True)
    assert "OPENAI_API_KEY" in settings.model_line


def test_a_key_means_openai_over_the_responses_api() -> None:
    endpoint = Settings.from_env(REAL).endpoint()
    assert (endpoint.base_url, endpoint.model, endpoint.api, endpoint.key) == (
        OPENAI_URL,
        DEFAULT_MODEL,
        "responses",
        "sk-real",
    )


def test_a_local_server_is_asked_over_chat_and_never_gets_the_real_key() -> None:
    endpoint = Settings.from_env({**REAL, **OLLAMA, "COPLAYER_MODEL": "qwen"}).endpoint()
    assert (endpoint.model, endpoint.api, endpoint.key, endpoint.is_local) == ("qwen", "chat", "local", True)


def test_another_server_gets_only_a_key_that_was_meant_for_it() -> None:
    with pytest.raises(SettingsError, match="COPLAYER_MODEL_KEY"):
        Settings.from_env({**REAL, **ELSEWHERE}).endpoint()
    endpoint = Settings.from_env({**REAL, **ELSEWHERE, "COPLAYER_MODEL_KEY": "theirs"}).endpoint()
    assert (endpoint.key, endpoint.api) == ("theirs", "chat")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.openai.com/v1",
        "https://api.openai.com.evil.example/v1",
        "https://evilapi.openai.com@evil.example/v1",
        "https://notopenai.com/v1",
        "https://openai.com.evil.example/v1",
    ],
)
def test_an_address_that_only_looks_like_openai_does_not_get_the_key(url: str) -> None:
    with pytest.raises(SettingsError):
        Settings.from_env({**REAL, "OPENAI_BASE_URL": url}).endpoint()


@pytest.mark.parametrize(
    "url", ["https://api.openai.com/v1", "https://eu.api.openai.com/v1", "https://x.openai.azure.com/openai/v1"]
)
def test_openai_and_azure_get_the_key(url: str) -> None:
    endpoint = Settings.from_env({**REAL, "OPENAI_BASE_URL": url}).endpoint()
    assert (endpoint.key, endpoint.api) == ("sk-real", "responses")


def test_the_demo_can_be_asked_for_although_there_is_a_key() -> None:
    assert Settings.from_env({**REAL, "COPLAYER_MODEL": "demo"}).is_demo


def test_a_flag_beats_the_environment_which_beats_the_default() -> None:
    environ = {"COPLAYER_MODEL": "env", "COPLAYER_MODEL_API": "chat", "COPLAYER_MAX_TURNS": "5"}
    settings = Settings.from_env(environ, model="flag", model_api=None)
    assert (settings.model, settings.model_api, settings.max_turns, settings.max_calls) == ("flag", "chat", 5, 60)


@pytest.mark.parametrize(
    "environ",
    [
        {"COPLAYER_MAX_TURNS": "many"},
        {"COPLAYER_MAX_TURNS": "0"},
        {"COPLAYER_MODEL_API": "assistants"},
        {"COPLAYER_SERVER": "localhost:8000"},
        {"OPENAI_BASE_URL": "ftp://models.example"},
        {"COPLAYER_RUN_TIMEOUT": "nan"},
        {"COPLAYER_CALL_PAUSE": "-1"},
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(environ))):
        Settings.from_env(environ)


def test_no_key_is_ever_printed() -> None:
    settings = Settings.from_env({**REAL, "COPLAYER_MODEL_KEY": "theirs", "COPLAYER_TOKEN": "tok"})
    assert not any(secret in repr(settings) for secret in ("sk-real", "theirs", "'tok'"))
    assert "sk-real" not in repr(settings.endpoint())


def test_every_setting_says_what_it_is_for() -> None:
    for item in fields(Settings):
        assert item.metadata["env"].isupper()
        assert item.metadata["doc"].endswith(".")
