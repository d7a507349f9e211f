"""A certificate authority of our own and a server certificate, kept in the state folder."""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_NAMES = (
    "localhost",
    "*.binance.com",
    "binance.com",
    "*.binance.vision",
    "*.binancefuture.com",
)
_ADDRESSES = ("127.0.0.1", "::1")
_CA_DAYS, _SERVER_DAYS, _RENEW_DAYS = 3650, 397, 30


@dataclass(frozen=True)
class TlsFiles:
    ca: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        return context


def ensure_tls(folder: Path) -> TlsFiles:
    """Certificates in the folder, made or renewed when needed (30 days before the end)."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = TlsFiles(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    now = datetime.now(UTC)
    ca_key_file = folder / "ca.key"
    if not (_is_good(files.ca, now) and ca_key_file.exists()):
        _make_ca(files.ca, ca_key_file, now)
        files.certificate.unlink(missing_ok=True)
    if not (_is_good(files.certificate, now) and files.key.exists()):
        issue_certificate(files, Authority.load(folder), now, days=_SERVER_DAYS)
    return files


def _is_good(certificate: Path, now: datetime) -> bool:
    if not certificate.exists():
        return False
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    return loaded.not_valid_after_utc - now > timedelta(days=_RENEW_DAYS)


def _make_ca(certificate: Path, key_file: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("QuantAI exchange simulator CA")
    built = (
        _builder(name, name, key.public_key(), now, _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    _write(certificate, built.public_bytes(serialization.Encoding.PEM), 0o644)


@dataclass(frozen=True)
class Authority:
    """The CA with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def load(cls, folder: Path) -> Self:
        key_file = folder / "ca.key"
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{key_file} holds no elliptic curve key")
        text = (folder / "ca.pem").read_bytes()
        return cls(x509.load_pem_x509_certificate(text), key)


def issue_certificate(
    files: TlsFiles,
    authority: Authority,
    now: datetime,
    *,
    days: int,
    names: Sequence[str] = _NAMES,
    addresses: Sequence[str] = _ADDRESSES,
) -> None:
    """Write a server certificate, valid from a day before ``now``, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name("QuantAI exchange simulator")
    listed: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    listed += [x509.IPAddress(ipaddress.ip_address(entry)) for entry in addresses]
    issuer = authority.certificate.subject
    built = (
        _builder(subject, issuer, key.public_key(), now, days)
        .add_extension(x509.SubjectAlternativeName(listed), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                authority.key.public_key()
            ),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )
    _write_key(files.key, key)
    _write(files.certificate, built.public_bytes(serialization.Encoding.PEM), 0o644)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(file, text, 0o600)


def _write(file: Path, content: bytes, mode: int) -> None:
    draft = file.with_name(file.name + ".tmp")
    draft.unlink(missing_ok=True)
    draft.touch(mode=mode)
    draft.write_bytes(content)
    draft.replace(file)
