"""Every remote that has no module of its own: buckets, servers, and what DVC learns next."""

from champion.datastore.backends.base import BROKEN_CONNECTION, USER_GUIDE, RemoteBackend, Symptom


class OtherBackend(RemoteBackend):
    """What DVC's plug-ins reach."""

    secrets = (
        *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "OSS_ACCESS_KEY_SECRET"),
        *(
            f"AZURE_STORAGE_{name}"
            for name in ("ACCOUNT_KEY", "CLIENT_SECRET", "CONNECTION_STRING", "KEY", "SAS_TOKEN")
        ),
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
            "WRONG_VERSION_NUMBER|wrong version number",
            "The server that answered does not speak TLS.",
            "An address with http:// is what it wants: `dvc remote modify NAME endpointurl http://HOST:PORT`.",
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
            f"Set them for this machine: `dvc remote modify --local NAME ...` ({USER_GUIDE}).",
        ),
        Symptom(
            r"\b403, message=|\(403\)|AccessDenied|Access Denied|Forbidden",
            "The remote does not know these credentials, or does not let them do that.",
            f"Give them the right to list, read and write there, or set others ({USER_GUIDE}).",
        ),
        Symptom(
            "NoSuchBucket|bucket does not exist|Invalid bucket name|The specified container does not exist",
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
