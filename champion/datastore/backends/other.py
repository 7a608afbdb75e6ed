"""Every remote that has no module of its own: buckets, servers, and what DVC learns next."""

from __future__ import annotations

from pathlib import Path

from champion.datastore import dvc
from champion.datastore.backends.base import BROKEN_CONNECTION, Remote, RemoteBackend, RemoteError, Symptom

CHECK_LIMIT = 60.0  # seconds
_SETTINGS = 'DVC\'s user guide has the settings of each kind under "Remote storage"'


class OtherBackend(RemoteBackend):
    """What DVC's plug-ins reach."""

    secrets = (
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AZURE_CLIENT_SECRET",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_CLIENT_SECRET",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "OSS_ACCESS_KEY_SECRET",
    )
    symptoms = (
        Symptom(
            r"(?P<scheme>\S+) is supported, but requires '(?P<plugin>[^']+)' to be installed",
            "DVC speaks to {scheme}:// remotes by {plugin}, which is not installed.",
            "Install the package that is named: `uv pip install --python .venv/bin/python NAME`; for everybody add it to "
            "the group dvc of pyproject.toml, and run `make requirements`.",
        ),
        Symptom(
            "CERTIFICATE_VERIFY_FAILED|certificate verify failed|ClientConnectorCertificateError",
            "The certificate of the server that answered is not trusted here: a proxy may be in between.",
            "Name the file of its authority: `dvc remote modify --local NAME ssl_verify FILE`.",
        ),
        Symptom(
            "Cannot connect to host|Could not connect to the endpoint|Name or service not known|No address associated|"
            "Temporary failure in name resolution|nodename nor servname|Network is unreachable|No route to host|"
            "Connect call failed|Connection refused",
            "The remote's host cannot be reached from this machine.",
            "Look at its address (`dvc remote list`), at the network and at HTTPS_PROXY, and run again.",
            passing=True,
        ),
        Symptom(
            r"Unable to locate credentials|NoCredentials|DefaultCredentialsError|InvalidAccessKeyId|SignatureDoesNotMatch|"
            r"ExpiredToken|Anonymous caller|Authentication failed|Permission denied \(publickey|Permission denied for user|"
            r"\b401, message=|\(401\)|Unauthorized",
            "The remote takes no credentials that this machine has.",
            f"Set them for this machine: `dvc remote modify --local NAME ...` ({_SETTINGS}).",
        ),
        Symptom(
            r"\b403, message=|\(403\)|AccessDenied|Access Denied|Forbidden",
            "The remote does not let these credentials do that.",
            f"Give them the right to list, read and write there, or set others ({_SETTINGS}).",
        ),
        Symptom(
            "NoSuchBucket|bucket does not exist|The specified container does not exist",
            "The bucket of the remote does not exist.",
            "Make it, or correct the address: `dvc remote modify NAME url URL`.",
        ),
        Symptom(
            r"\b(?:429|5\d\d), message=|\((?:429|5\d\d)\)|SlowDown|TooManyRequests|ServiceUnavailable|InternalError",
            "The remote asks for fewer calls, or failed itself.",
            "Wait some minutes and run again: what is there already is not sent twice.",
            passing=True,
        ),
        BROKEN_CONNECTION,
    )

    def matches(self, url: str) -> bool:  # noqa: ARG002 - it comes last and takes what is left
        """Every address."""
        return True

    def check(self, root: Path, remote: Remote) -> str:
        """Let DVC look; a server that answers nothing at all may pass."""
        done = dvc.run(root, "status", "--cloud", seconds=CHECK_LIMIT)
        if done.ok:
            return f"{remote.url}; `dvc status --cloud` finds no fault"
        raise self.diagnose(done.output) or RemoteError(
            f"DVC cannot look at {remote.url}: {done.last_line}.", f"Mend that; {_SETTINGS}."
        )
