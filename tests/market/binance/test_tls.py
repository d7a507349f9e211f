import ssl

import pytest
import trustme

from market.binance import tls


def test_an_own_authority_replaces_the_systems(tmp_path):
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    context = tls.context(str(path))
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_an_authority_file_that_cannot_be_used_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        tls.context(str(tmp_path / "missing.pem"))
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(ssl.SSLError):
        tls.context(str(broken))


def test_without_a_file_the_system_is_trusted_and_everything_is_verified():
    context = tls.context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_only_suites_with_forward_secrecy_and_authenticated_encryption_are_offered():
    names = {cipher["name"] for cipher in tls.context().get_ciphers()}
    assert names
    assert not {n for n in names if not n.startswith(("ECDHE", "TLS_"))}
    assert not {n for n in names if "CBC" in n or n[-3:] == "SHA" or "RC4" in n}


def test_a_connection_without_tls_has_nothing_to_describe():
    assert tls.describe(None) is None
