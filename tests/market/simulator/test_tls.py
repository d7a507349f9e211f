import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from market.simulator import tls


def load(file):
    return x509.load_pem_x509_certificate(file.read_bytes())


def test_the_certificate_names_loopback_and_the_exchange(tmp_path):
    files = tls.ensure_tls(tmp_path / "tls")
    certificate = load(files.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert {"localhost", "*.binance.com", "*.binance.vision"} <= set(
        names.value.get_values_for_type(x509.DNSName)
    )
    addresses = names.value.get_values_for_type(x509.IPAddress)
    assert "127.0.0.1" in {str(address) for address in addresses}
    assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def test_keys_are_private(tmp_path):
    files = tls.ensure_tls(tmp_path / "tls")
    for key in (files.key, tmp_path / "tls" / "ca.key"):
        assert key.stat().st_mode & 0o777 == 0o600


def test_a_restart_keeps_the_certificates(tmp_path):
    first = tls.ensure_tls(tmp_path / "tls")
    kept = first.ca.read_bytes(), first.certificate.read_bytes()
    second = tls.ensure_tls(tmp_path / "tls")
    assert (second.ca.read_bytes(), second.certificate.read_bytes()) == kept


def test_an_ending_certificate_is_renewed_under_the_same_ca(tmp_path, monkeypatch):
    monkeypatch.setattr(tls, "_SERVER_DAYS", 10)
    files = tls.ensure_tls(tmp_path / "tls")
    authority, old = files.ca.read_bytes(), load(files.certificate)
    monkeypatch.setattr(tls, "_SERVER_DAYS", 397)
    tls.ensure_tls(tmp_path / "tls")
    assert files.ca.read_bytes() == authority
    renewed = load(files.certificate)
    assert renewed.serial_number != old.serial_number
    assert renewed.not_valid_after_utc > datetime.now(UTC) + timedelta(days=300)


def test_the_server_speaks_nothing_below_tls_1_2(tmp_path):
    context = tls.ensure_tls(tmp_path / "tls").server_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


async def test_a_client_without_the_ca_is_turned_away(client):
    url = client.simulator.base_url + "/fapi/v1/ping"
    with pytest.raises(Exception, match="certificate"):
        await client.session.get(url)
