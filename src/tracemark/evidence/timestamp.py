"""Time stamps of RFC 3161: a time stamping authority (TSA) signs that some bytes existed at a time."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from tracemark.errors import EvidenceError

PATIENCE = 15.0
"""Seconds to wait for an authority's answer."""

ANSWER_LIMIT = 1 << 16
"""Bytes of an answer that are read; real ones have 1,000 to 8,000."""

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"  # RFC 3161, section 3.4


class StampError(EvidenceError):
    """There is no time stamp, or it is not what it should be."""


@dataclass(frozen=True)
class Stamp:
    """What a time stamp says.

    Parameters
    ----------
    time : datetime
        In UTC.
    authority : str
        Name of the certificate that signed it; empty if the answer does not hold it.
    trusted : bool
        Whether its signature was checked down to a certificate that the caller trusts.
    """

    time: datetime
    authority: str
    trusted: bool


def request(url: str, content: bytes, roots: Sequence[x509.Certificate] = ()) -> bytes:
    """Have bytes stamped. Only their SHA-256 leaves this machine.

    Parameters
    ----------
    url : str
        The authority's address (http or https).
    content : bytes
    roots : sequence of x509.Certificate
        Certificates to trust; without any, the answer is only seen to be about these bytes and this request.

    Returns
    -------
    bytes
        The authority's whole answer, which `check` takes (DER, TimeStampResp).

    Raises
    ------
    StampError
        If there is no answer, or it is not about these bytes, or the certificates do not stand for it.

    References
    ----------
    Adams, Cain, Pinkas and Zuccherato, 2001, RFC 3161.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise StampError(f"{url} is no address of a time stamping authority", "give one that begins with http or https")
    query = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = _post(url, query.as_bytes())
    response = _decoded(answer)
    if response.tst_info.nonce != query.nonce:
        raise StampError(f"{url} answered another request than ours")
    check(answer, content, roots)
    return answer


def check(answer: bytes, content: bytes, roots: Sequence[x509.Certificate] = ()) -> Stamp:
    """See what an authority's answer is worth.

    Parameters
    ----------
    answer : bytes
        See `request`.
    content : bytes
        What should have been stamped.
    roots : sequence of x509.Certificate
        Certificates to trust.

    Returns
    -------
    Stamp

    Raises
    ------
    StampError
        If it is no answer, or about other bytes, or none of the certificates stands for it.
    """
    response = _decoded(answer)
    info = response.tst_info
    if info.message_imprint.message != hashlib.sha256(content).digest():
        raise StampError("the time stamp is about something else")
    if roots:
        builder = VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        try:
            builder.build().verify_message(response, content)
        except VerificationError as error:
            reason = str(error).split(": ErrorStack")[0]
            raise StampError(f"the time stamp is not by an authority that is trusted here ({reason})") from None
    return Stamp(info.gen_time, _signer(response), trusted=bool(roots))


def certificates(path: Path) -> list[x509.Certificate]:
    """Read the certificates of authorities to trust.

    Parameters
    ----------
    path : Path
        PEM, one certificate or several.

    Returns
    -------
    list of x509.Certificate

    Raises
    ------
    StampError
        If there are none.
    """
    try:
        return list(dict.fromkeys(x509.load_pem_x509_certificates(path.read_bytes())))
    except OSError as error:
        raise StampError(f"cannot read {path}: {(error.strerror or '').lower()}") from None
    except ValueError:
        raise StampError(f"{path} holds no certificate", "give the authority's root certificate in PEM") from None


def _decoded(answer: bytes) -> TimeStampResponse:
    try:
        response = decode_timestamp_response(answer)
        if response.status not in {0, 1}:
            raise StampError(f"the authority refused: {'; '.join(response.status_string) or 'without a reason'}")
        _ = response.tst_info  # raises if it is none
    except ValueError as error:
        raise StampError(f"the authority's answer cannot be read ({str(error).split(':')[0]})") from None
    return response


def _signer(response: TimeStampResponse) -> str:
    held = [x509.load_der_x509_certificate(each) for each in response.signed_data.certificates]
    for signer in response.signed_data.signer_infos:
        for certificate in held:
            if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number):
                return certificate.subject.rfc4514_string()
    return ""


class _Stay(urllib.request.HTTPRedirectHandler):
    """An authority answers itself, or not at all."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


def _post(url: str, query: bytes) -> bytes:
    opener = urllib.request.build_opener(_Stay)
    asked = urllib.request.Request(url, query, {"Content-Type": _QUERY, "Accept": _REPLY})  # noqa: S310 - checked above
    try:
        with opener.open(asked, timeout=PATIENCE) as reply:
            answer: bytes = reply.read(ANSWER_LIMIT + 1)
    except urllib.error.HTTPError as error:
        error.close()
        raise StampError(f"{url} answered with status {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise StampError(f"{url} cannot be reached: {str(reason).lower() or type(error).__name__}") from None
    if len(answer) > ANSWER_LIMIT:
        raise StampError(f"{url} answered with more than {ANSWER_LIMIT} bytes")
    return answer
