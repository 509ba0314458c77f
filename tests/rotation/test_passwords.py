"""Every password satisfies its policy and survives whoever takes it as it stands."""

from __future__ import annotations

import ctypes
import ctypes.util
import io
import json
import shlex
import string
import subprocess
from urllib.parse import quote, unquote_plus, urlsplit
from xml.etree import ElementTree as ET

import dotenv
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wickie.errors import ConfigError
from wickie.providers.registry import Engine
from wickie.rotation.passwords import CONSUMERS, TAGS, PasswordPolicy, PasswordsOf

LETTERS_AND_DIGITS = set(string.ascii_letters + string.digits)


def policies(consumer: str | None = None):
    """Any policy that can be had, for one consumer or for some of all."""
    consumers = st.just((consumer,)) if consumer else st.sets(st.sampled_from(sorted(CONSUMERS)))
    return consumers.flatmap(
        lambda names: st.builds(
            PasswordPolicy,
            length=st.integers(24, 128),
            symbols=st.sets(
                st.sampled_from(
                    sorted(set(string.punctuation).intersection(*(CONSUMERS[n] for n in names)))
                )
            ).map(lambda chosen: "".join(sorted(chosen))),
            consumers=st.just(tuple(sorted(names))),
        )
    )


@given(policies())
def test_a_password_is_what_its_policy_says(policy):
    text = policy.draw().reveal()
    assert len(text) == policy.length
    assert set(text) <= LETTERS_AND_DIGITS | set(policy.symbols)
    assert text[0] in string.ascii_letters
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
        assert set(kind) & set(text)
    assert not policy.symbols or set(policy.symbols) & set(text)


@given(policies("url"))
def test_it_survives_a_url(policy):
    text = policy.draw().reveal()
    parts = urlsplit(f"postgresql://app:{text}@db.example:5432/shop?sslmode=verify-full")
    assert parts.password == text == unquote_plus(parts.password)
    assert (parts.username, parts.hostname, parts.port) == ("app", "db.example", 5432)
    assert quote(text, safe="!$&'()*+,;=:") == text  # RFC 3986's userinfo: nothing to encode


@given(policies("shell"))
def test_it_is_one_word_of_a_shell(policy):
    text = policy.draw().reveal()
    assert shlex.split(f"login --password {text} now") == ["login", "--password", text, "now"]
    assert shlex.quote(text) == text


@settings(max_examples=10, deadline=None)
@given(policies("shell"))
def test_a_real_shell_takes_it_as_it_stands(policy):
    text = policy.draw().reveal()
    script = f"P={text}; printf %s {text}; printf ' %s' \"$P\""
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == f"{text} {text}"


class _Option(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_char_p) for name in ("keyword", "envvar", "compiled", "val", "label")),
        ("dispchar", ctypes.c_char_p),
        ("dispsize", ctypes.c_int),
    ]


@pytest.fixture(scope="module")
def conninfo():
    """What PostgreSQL's own client library reads in a connection string."""
    name = ctypes.util.find_library("pq")
    if name is None:
        pytest.skip("libpq is not installed here, and it is the judge of its own syntax")
    libpq = ctypes.CDLL(name)
    libpq.PQconninfoParse.restype = ctypes.POINTER(_Option)

    def parse(text: str) -> dict[str, str]:
        error = ctypes.c_char_p()
        options = libpq.PQconninfoParse(text.encode(), ctypes.byref(error))
        assert options, error.value
        found, index = {}, 0
        while options[index].keyword:
            if options[index].val is not None:
                found[options[index].keyword.decode()] = options[index].val.decode()
            index += 1
        libpq.PQconninfoFree(options)
        return found

    return parse


@pytest.mark.slow
@given(policies("dsn"))
def test_it_survives_a_libpq_connection_string(conninfo, policy):
    text = policy.draw().reveal()
    found = conninfo(f"host=db user=app password={text} dbname=shop")
    assert found == {"host": "db", "user": "app", "password": text, "dbname": "shop"}


@pytest.mark.slow
@given(policies("dotenv"))
def test_it_survives_a_dotenv_file(policy):
    text = policy.draw().reveal()
    lines = io.StringIO(f"BEFORE=a\nPASSWORD={text}\nAFTER=b\n")
    assert dotenv.dotenv_values(stream=lines) == {"BEFORE": "a", "PASSWORD": text, "AFTER": "b"}


@pytest.mark.slow
@given(policies("json"), policies("yaml"), policies("xml"))
def test_it_survives_documents(for_json, for_yaml, for_xml):
    text = for_json.draw().reveal()
    assert json.loads(f'{{"password": "{text}"}}') == {"password": text}
    text = for_yaml.draw().reveal()
    assert yaml.safe_load(f"password: {text}\nflow: [{text}, {{a: {text}}}]\n") == {
        "password": text,
        "flow": [text, {"a": text}],
    }
    text = for_xml.draw().reveal()
    element = ET.fromstring(f'<add password="{text}">{text}</add>')  # noqa: S314  (ours)
    assert element.get("password") == element.text == text


@pytest.mark.parametrize("consumer", sorted(CONSUMERS))
def test_a_symbol_that_a_consumer_does_not_take_is_refused_by_name(consumer):
    for symbol in set(string.punctuation) - CONSUMERS[consumer]:
        with pytest.raises(ConfigError) as caught:
            PasswordPolicy(symbols=symbol, consumers=(consumer,))
        assert f"consumer {consumer} does not take {symbol} " in str(caught.value)


ORACLE = Engine("none", (), longest=30, forbidden='"')


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"length": 31}, "31 characters; choose 24 to 30"),
        ({"symbols": '#"'}, 'the engine does not take " '),
        ({"symbols": "ab"}, "ASCII punctuation, each once"),
        ({"symbols": "é"}, "ASCII punctuation, each once"),
        ({"symbols": "##"}, "ASCII punctuation, each once"),
        ({"consumers": ["fax"]}, "no consumer 'fax'; use some of dotenv, dsn, "),
    ],
)
@pytest.mark.parametrize("origin", ["wickie.yaml", "tags"])
def test_what_cannot_be_had_is_refused_with_the_reason(values, complaint, origin):
    if origin == "wickie.yaml":
        passwords = PasswordsOf(ORACLE, values)
    else:
        name, value = next(iter(values.items()))
        tag = next(tag for tag in TAGS if TAGS[tag] == name)
        passwords = PasswordsOf(
            ORACLE, tags={tag: " ".join(value) if name == "consumers" else str(value)}
        )
        complaint = f"tags {tag} of the secret: .*{complaint}"
    with pytest.raises(ConfigError, match=complaint):
        passwords.draw()


def test_an_engine_of_short_passwords_gets_short_ones_unasked():
    assert len(PasswordsOf(ORACLE).draw().reveal()) == 30
