"""The signature on a certificate: PAdES with ECDSA P-256. Loads pyHanko: imported by the worker only.

In production key and certificate are files named by the settings. The sandbox makes a test identity of its own
at first use, which says in its name that it is one; a production configuration never comes here without files.
"""

import io
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

from portal import config
from portal.certificates.errors import SigningIdentityError

FIELD = "Comptoir"
_TEST_IDENTITY = "signing_test_identity.pem"
# Fixed, so that it holds whatever moment the demo data or a test are set in.
_TEST_FROM, _TEST_UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC)
# The signature's place in the file is reserved before it is made; a P-256 signature with its chain fits easily.
_RESERVED_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """What signs: a private key and the certificate that names it, with its chain."""

    signer: Any
    subject: str


def _usage() -> x509.KeyUsage:
    """For signatures that commit to a content, and nothing else."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _make_test_identity() -> bytes:
    """A new P-256 key and its self-signed certificate, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Comptoir"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Comptoir sandbox, test signature without value"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_TEST_FROM)
        .not_valid_after(_TEST_UNTIL)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def _test_identity(folder: Path) -> bytes:
    """The sandbox's own identity, made once: two processes that start together end up with the same."""
    path = folder / _TEST_IDENTITY
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{_TEST_IDENTITY}.{secrets.token_hex(8)}"
        descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_make_test_identity())
        # The other process was first: its identity stands.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_bytes()


def _pem() -> tuple[bytes, bytes]:
    """Key and certificates as PEM, from the settings' files or, in the sandbox only, its own."""
    settings = config.current()
    if settings.signing_key_file and settings.signing_certificate_file:
        return settings.signing_key_file.read_bytes(), settings.signing_certificate_file.read_bytes()
    if not settings.sandbox or settings.signing_key_file or settings.signing_certificate_file:
        msg = "COMPTOIR_SIGNING_KEY_FILE and COMPTOIR_SIGNING_CERTIFICATE_FILE are both needed to sign certificates"
        raise SigningIdentityError(msg)
    both = _test_identity(settings.instance)
    return both, both


def signing_identity() -> SigningIdentity:
    """The key and certificate of this installation.

    Raises SigningIdentityError when one is missing, is no P-256 key, or the two do not belong together.
    """
    key_pem, certificates_pem = _pem()
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
        certificate, *chain = x509.load_pem_x509_certificates(certificates_pem)
    except (ValueError, TypeError) as error:
        msg = "the signing key or its certificate cannot be read: PEM files without a password are expected"
        raise SigningIdentityError(msg) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        msg = "the signing key must be an elliptic curve key on P-256"
        raise SigningIdentityError(msg)
    if certificate.public_key() != key.public_key():
        msg = "the signing certificate belongs to another key: its file must begin with the signer's own certificate"
        raise SigningIdentityError(msg)
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    store.register_multiple([_asn1(each) for each in chain])
    private = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer = SimpleSigner(
        signing_cert=_asn1(certificate),
        signing_key=asn1_keys.PrivateKeyInfo.load(private),
        cert_registry=store,
    )
    return SigningIdentity(signer=signer, subject=certificate.subject.rfc4514_string())


def _asn1(certificate: x509.Certificate) -> Any:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def sign(pdf: bytes, identity: SigningIdentity, *, reason: str) -> bytes:
    """The same PDF with a certifying PAdES signature added behind it: any later change shows."""
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        reason=reason,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    out = io.BytesIO()
    PdfSigner(metadata, identity.signer, new_field_spec=SigFieldSpec(FIELD)).sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(pdf)), output=out, bytes_reserved=_RESERVED_BYTES
    )
    return out.getvalue()
