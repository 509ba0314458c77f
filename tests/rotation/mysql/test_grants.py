"""What the servers print about accounts, read; MySQL 8's after its manual, as none runs here."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wickie.errors import ConfigError
from wickie.providers.mygrants import Privilege, changes, read_grants, settings
from wickie.providers.mypassword import _encode, _sha256_crypt, caching_sha2_hash, native_hash
from wickie.providers.mywire import identifier

# https://dev.mysql.com/doc/refman/8.4/en/show-grants.html
OF_MYSQL_8 = (
    "GRANT SELECT, RELOAD ON *.* TO `jo`@`%` WITH GRANT OPTION",
    "GRANT BACKUP_ADMIN,APPLICATION_PASSWORD_ADMIN ON *.* TO `jo`@`%`",
    "GRANT ALL PRIVILEGES ON `shop`.* TO `jo`@`%`",
    "GRANT SELECT (`a`, `b,)`), INSERT ON `shop`.`i (t) ON` TO `jo`@`%`",
    "GRANT EXECUTE ON PROCEDURE `shop`.`p` TO `jo`@`%`",
    "GRANT PROXY ON `x`@`y` TO `jo`@`%` WITH GRANT OPTION",
    "GRANT `r1`@`%`,`r (2)`@`10.%` TO `jo`@`%` WITH ADMIN OPTION",
    "GRANT USAGE ON `log`.* TO `jo`@`%`",
)


def test_the_grants_of_mysql_8_are_read():
    assert read_grants(OF_MYSQL_8) == {
        Privilege("SELECT", "*.*", with_option=True),
        Privilege("RELOAD", "*.*", with_option=True),
        Privilege("BACKUP_ADMIN", "*.*"),
        Privilege("APPLICATION_PASSWORD_ADMIN", "*.*"),
        Privilege("ALL PRIVILEGES", "`shop`.*"),
        Privilege("SELECT (`a`)", "`shop`.`i (t) ON`"),
        Privilege("SELECT (`b,)`)", "`shop`.`i (t) ON`"),
        Privilege("INSERT", "`shop`.`i (t) ON`"),
        Privilege("EXECUTE", "PROCEDURE `shop`.`p`"),
        Privilege("PROXY", "`x`@`y`", with_option=True),
        Privilege("`r1`@`%`", "", with_option=True),
        Privilege("`r (2)`@`10.%`", "", with_option=True),
    }


def test_what_is_written_reads_as_what_was_meant():
    wanted = read_grants(OF_MYSQL_8)
    statements = changes(frozenset(), wanted, "`jo`@`%`")
    assert read_grants(statements) == wanted
    assert changes(wanted, wanted, "`jo`@`%`") == []


@given(names=st.lists(st.text("ab`'\"\\ ,()@TONGRA", min_size=1), min_size=2, max_size=4))
def test_names_may_hold_anything(names):
    database, table, *columns = map(identifier, names)
    listed = f"INSERT, SELECT ({', '.join(columns)})" if columns else "INSERT"
    row = f"GRANT {listed} ON {database}.{table} TO {table}@{database} WITH GRANT OPTION"
    on = f"{database}.{table}"
    wanted = {Privilege(f"SELECT ({column})", on, with_option=True) for column in columns}
    assert read_grants([row]) == wanted | {Privilege("INSERT", on, with_option=True)}


def test_nothing_is_revoked_before_everything_is_granted():
    has = read_grants(["GRANT SELECT, DROP ON `a`.* TO `x`@`%`"])
    wanted = read_grants(["GRANT SELECT, INSERT ON `a`.* TO `x`@`%`"])
    assert changes(has, wanted, "`x`@`%`") == ["GRANT INSERT ON `a`.* TO `x`@`%`"]
    assert changes(has | wanted, wanted, "`x`@`%`") == ["REVOKE DROP ON `a`.* FROM `x`@`%`"]


def test_partial_revokes_are_refused_rather_than_lost():
    with pytest.raises(ConfigError, match="partial revokes"):
        read_grants(["GRANT SELECT ON *.* TO `x`@`%`", "REVOKE SELECT ON `a`.* FROM `x`@`%`"])


# https://dev.mysql.com/doc/refman/8.4/en/show-create-user.html
CREATE = (
    "CREATE USER `{}`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x244124303035 "
    "DEFAULT ROLE `r`@`%` REQUIRE {} PASSWORD EXPIRE {} ACCOUNT {} "
    "PASSWORD HISTORY DEFAULT PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT"
)


def test_settings_that_are_alike_are_left_alone():
    base = CREATE.format("a REQUIRE NONE", "SSL", "NEVER", "UNLOCK")
    assert settings(base, base) == ""
    assert settings(base, CREATE.format("b WITH MAX_", "SSL", "NEVER", "LOCK")) == ""


def test_settings_that_differ_are_set_anew_in_the_order_of_the_grammar():
    base = CREATE.format("a", "X509 WITH MAX_USER_CONNECTIONS 5", "INTERVAL 90 DAY", "LOCK")
    clone = CREATE.format("b", "NONE WITH MAX_QUERIES_PER_HOUR 3", "NEVER", "UNLOCK")
    text = settings(base, clone)
    limits = "WITH MAX_USER_CONNECTIONS 5 MAX_QUERIES_PER_HOUR 0 PASSWORD EXPIRE INTERVAL 90 DAY"
    assert text.startswith(f"REQUIRE X509 {limits}")
    assert "ACCOUNT" not in text


def test_the_hash_for_caching_sha2_is_the_servers():
    # An example that a password cracker publishes, made by a server, with its salt of any bytes:
    # https://hashcat.net/wiki/doku.php?id=example_hashes (7401)
    salt = bytes.fromhex("F9CC98CE08892924F50A213B6BC571A2C11778C5")
    assert _encode(_sha256_crypt(b"hashcat", salt, 5000)) == (
        "bTy95Y99eAME1dwEkHOA1ndHGBWz.1bxSSRkuTXFGV/"
    )


@pytest.mark.parametrize(
    ("key", "salt", "digest"),
    [
        ("Hello world!", "saltstring", "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
        ("hashcat", "GX7BopJZJxPc/KEK", "le16UF8I2Anb.rOrn22AUPWvzUETDGefUmAV8AZkGcD"),
    ],
)
def test_its_rounds_are_those_of_sha_crypt(key, salt, digest):
    # https://www.akkadia.org/drepper/SHA-crypt.txt, and 7400 of the examples above
    assert _encode(_sha256_crypt(key.encode(), salt.encode(), 5000)) == digest


def test_hashes_are_salted_and_ascii():
    hashed = {caching_sha2_hash("pässwörd") for _ in range(3)}
    assert len(hashed) == 3
    assert all(re.fullmatch(r"\$A\$005\$[0-9A-Za-z]{20}[./0-9A-Za-z]{43}", text) for text in hashed)


def test_the_native_hash_is_the_hash_of_the_hash():
    inner = hashlib.sha1(b"123456", usedforsecurity=False).digest()
    assert native_hash("123456") == "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9"
    assert native_hash("123456")[1:].lower() == hashlib.sha1(inner).hexdigest()  # noqa: S324
