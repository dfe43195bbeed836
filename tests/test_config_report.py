"""Settings as people read them: origins, masks, sentences for mistakes, and the page in docs/."""

import os
from pathlib import Path

import pytest

from app import config_report
from app.config import Settings

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("KINORA_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file that KINORA_CONFIG names."""
    path = tmp_path / "kinora.toml"
    path.touch()
    monkeypatch.setenv("KINORA_CONFIG", str(path))
    return path


def mistakes() -> list[str]:
    with pytest.raises(config_report.ConfigurationError) as caught:
        config_report.load()
    return caught.value.sentences


def test_the_page_lists_every_setting() -> None:
    assert DOCS.read_text() == config_report.as_markdown(), (
        "write it anew: kinora settings --markdown > docs/settings.md"
    )


def test_every_setting_has_a_sentence() -> None:
    for entry in config_report.entries():
        sentence = entry.field.description or ""
        assert sentence.endswith((".", "…")), f"{entry.key}: {sentence!r}"


def test_the_environment_goes_over_the_file_and_that_over_the_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('[site]\nname = "File"\ndescription = "Also file."\n')
    monkeypatch.setenv("KINORA_SITE__NAME", "Environment")
    text = config_report.as_text(config_report.load())
    assert 'site.name = "Environment"  (environment KINORA_SITE__NAME)' in text
    assert f'site.description = "Also file."  (file {file})' in text
    assert 'site.default_language = "en"  (default)' in text


def test_a_whole_table_may_come_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINORA_SITE", '{"name": "Json"}')
    assert "(environment KINORA_SITE)" in config_report.as_text(config_report.load())


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINORA_DATABASE__URL", "postgres://kinora:hunter2@db/kinora")
    text = config_report.as_text(config_report.load())
    assert "hunter2" not in text
    assert f"database.url = {config_report.MASK}" in text


def test_values_read_as_they_would_be_written_in_the_file(file: Path) -> None:
    before = Settings()
    tables: dict[str, list[str]] = {}
    for entry in config_report.entries():
        value = getattr(getattr(before, entry.section), entry.name)
        if config_report.written(value) != config_report.MASK:
            line = f"{entry.name} = {config_report.written(value)}"
            tables.setdefault(entry.section, []).append(line)
    file.write_text("\n".join("\n".join([f"[{name}]", *tables[name]]) for name in tables))
    assert config_report.load() == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[sight]\nname = "x"', "the settings file's table [sight]; did you mean site?"),
        ("[site]\nnam = 1", "the settings file's site.nam; did you mean site.name?"),
        ("site = 1", "site must be a table"),
        ("[web]\nport = 70000", "web.port is not usable: Input should be less than or equal"),
        ("[web", "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_told(file: Path, text: str, sentence: str) -> None:
    file.write_text(text)
    assert sentence in mistakes()[0]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("KINORA_SITE__NAM", "x", "KINORA_SITE__NAM; did you mean KINORA_SITE__NAME?"),
        ("KINORA_ZZZZZZZZ", "x", "There is no such setting: the environment variable KINORA_ZZZZ"),
        ("KINORA_WEB__PORT", "many", "web.port is not usable"),
        ("KINORA_TRANSCODING__RESOLUTIONS", "[1", "The environment holds a value that is no JSON"),
        ("KINORA_CONFIG", "/nowhere/kinora.toml", "which does not exist"),
    ],
)
def test_a_mistake_in_the_environment_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    assert sentence in mistakes()[0]


def test_a_mistake_never_tells_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINORA_MAIL", '{"password": ["hunter2"]}')
    assert "hunter2" not in " ".join(mistakes())
