"""When certificates expire."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from observability.facts.model import CertificateFact
from stack.errors import StackError

# The file's name in Kubernetes' Secrets; its folder is named after the Secret.
IN_SECRETS = "tls.crt"


def certificates_of(files: Iterable[Path]) -> tuple[CertificateFact, ...]:
    """The server's certificate in each file, which comes first. Raises StackError.

    A missing file is left out: its Secret may be made later.
    """
    return tuple(_fact(file) for file in files if file.exists())


def _fact(file: Path) -> CertificateFact:
    from cryptography.x509 import load_pem_x509_certificate

    try:
        certificate = load_pem_x509_certificate(file.read_bytes())
    except ValueError:
        raise StackError(
            f"{file} (OBSERVE_CERTIFICATES)",
            found="no certificate in it",
            expected="PEM: BEGIN CERTIFICATE",
            next_step="name the file that the web server has",
        ) from None
    name = file.parent.name if file.name == IN_SECRETS else file.stem
    return CertificateFact(name, certificate.not_valid_after_utc)
