"""A signed statement about an image: from which wheel and which lockfile it was built.

An image is identified by its digest. That it contains a certain wheel is what its builder says, and signs:
an in-toto statement with the predicate SLSA Provenance (version 1), in a DSSE envelope, like the one about the trial.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.wheels.attestation import (
    LOCKFILE,
    STATEMENT_TYPE,
    AttestationError,
    descriptor,
    sign_document,
    signing_password,
    verify_payload,
)

PROVENANCE = "https://slsa.dev/provenance/v1"
BUILD_TYPE, BUILDER = "urn:seatrial:image-of-lockfile:1", "urn:seatrial:deploy"
WHEEL = "wheel"
IMAGE_STATEMENT = "image.intoto.jsonl"  # in the store, next to the lockfile


@dataclass(frozen=True)
class ImageStatement:
    """What was built: an image by name and digest, from a wheel and a lockfile by hash."""

    image: str
    digest: str  # sha256:...
    wheel_sha256: str
    lockfile_sha256: str

    def to_document(self) -> dict[str, Any]:
        """The statement in in-toto's form."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": [descriptor(self.image, self.digest.removeprefix("sha256:"))],
            "predicateType": PROVENANCE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {},
                    "resolvedDependencies": [
                        descriptor(WHEEL, self.wheel_sha256),
                        descriptor(LOCKFILE, self.lockfile_sha256),
                    ],
                },
                "runDetails": {"builder": {"id": BUILDER}},
            },
        }


def sign_image(statement: ImageStatement, private_key: bytes) -> str:
    """Sign a statement about an image with a private key in PEM form; returns the envelope, one line of JSON."""
    return sign_document(statement.to_document(), private_key, signing_password())


def verify_image(envelope: bytes, public_keys: Sequence[bytes]) -> ImageStatement:
    """Return the statement if one of these keys (PEM) signed it, or raise AttestationError."""
    payload, _ = verify_payload(envelope, public_keys)
    try:
        document = json.loads(payload)
        build = document["predicate"]["buildDefinition"]
        if (document["_type"], document["predicateType"], build["buildType"]) != (
            STATEMENT_TYPE,
            PROVENANCE,
            BUILD_TYPE,
        ):
            raise ValueError("another kind of statement")
        (subject,) = document["subject"]
        built_from = {each["name"]: str(each["digest"]["sha256"]) for each in build["resolvedDependencies"]}
        digest = f"sha256:{subject['digest']['sha256']}"
        return ImageStatement(str(subject["name"]), digest, built_from[WHEEL], built_from[LOCKFILE])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AttestationError(f"The signed statement is not about an image: {error}.") from None
