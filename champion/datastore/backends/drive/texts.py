"""What DVC and its Google Drive client say when something is wrong, and what it means: a cause and a remedy."""

from champion.datastore.backends.base import BROKEN_CONNECTION, NoCredentialsError, Symptom

VARIABLE = "GDRIVE_CREDENTIALS_DATA"
WITHOUT = (
    "Without Drive, training, judging, predicting and rolling back go on with what is on this machine; the sample is made "
    "by its script."
)
RENEW_USER = (
    "Run `make login` on a desktop, and store the file that it names as the secret anew (docs/google-drive.md)."
)
NO_QUOTA = Symptom(
    "Service Accounts do not have storage quota",
    "A service account has no room of its own, so it cannot push into a folder of My Drive.",
    "Use a folder of a shared drive (Google Workspace), or user credentials of an OAuth client of your own.",
)
LINKED_FILE = Symptom(
    "Credentials file cannot be symbolic link|symbolic link",
    "The credentials file is a symbolic link, which the client refuses.",
    f"Name the file itself, or give its content in {VARIABLE}.",
)
NO_CREDENTIALS = Symptom(
    "Non interactive mode|accounts.google.com/o/oauth2/auth",
    f"There are no credentials for Drive: neither {VARIABLE} nor a configured file, nor a login on this machine.",
    f"Set {VARIABLE}, or run `make login` on a desktop (docs/google-drive.md). {WITHOUT}",
    error_class=NoCredentialsError,
)
SYMPTOMS = (
    Symptom(
        "Unexpected credentials type, None|'Unexpected credentials type', None",
        "The credentials are a user's, but DVC was told to expect a service account.",
        "Run `make pull` or `make push`: they set gdrive_use_service_account by the credentials. Plain dvc: `dvc remote "
        "modify --local NAME gdrive_use_service_account false`.",
    ),
    Symptom(
        "'access_token'",
        "The credentials are a service account's, but DVC was told to expect a user's.",
        "Run `make pull` or `make push`: they set gdrive_use_service_account by the credentials. Plain dvc: `dvc remote "
        "modify --local NAME gdrive_use_service_account true`.",
    ),
    Symptom(
        r"Expecting value: line 1 column 1",
        f"The credentials are no JSON: {VARIABLE} is empty, or encoded as base64.",
        "Store the raw JSON, from its { to its }, without encoding it.",
    ),
    Symptom(
        r"Unterminated string|Expecting .* delimiter|Expecting property name",
        "The credentials are cut off: the JSON has no end.",
        "Store the whole file, from its { to its }; copy it with a program and not by hand.",
    ),
    Symptom(
        r"invalid_grant.*(expired or revoked|has been expired|revoked)",
        "The user's token has expired or was revoked: the OAuth app is still in Testing (its tokens die after 7 days), or "
        "access was taken back.",
        f"Publish the app (In production). {RENEW_USER}",
    ),
    Symptom(
        "invalid_grant: Invalid JWT Signature",
        "The service account's key was deleted or replaced.",
        "Make a new JSON key (Google Cloud, Service accounts, Keys), and store it as the secret anew.",
    ),
    Symptom(
        "invalid_grant: Invalid JWT: Token must be a short-lived token|iat and exp",
        "This machine's clock is wrong, so Google refuses what it signs.",
        "Set the clock, and run again.",
    ),
    Symptom(
        "invalid_client|unauthorized_client|deleted_client",
        "Google does not know the OAuth client of these credentials, or its secret has changed.",
        f"Look at the client in Google Cloud, Credentials. {RENEW_USER}",
    ),
    Symptom(
        "accessNotConfigured|has not been used in project|SERVICE_DISABLED",
        "The Google Drive API is switched off in the project that the credentials belong to.",
        "Enable it: Google Cloud, APIs & Services, Library, Google Drive API.",
    ),
    Symptom(
        r"File not found: (?P<what>[\w-]+)",
        "Drive shows no folder {what} to this identity: the folder is not shared with it, or the id is wrong.",
        "Share the folder (or the shared drive) with the identity that `python run.py doctor` names, as Content manager; the "
        "id is the last part of the folder's web address.",
    ),
    Symptom(
        r"Confirm (?P<what>\S+) exists and you can access it",
        "The folder {what} does not exist: a path below the folder's id must be there already.",
        "Make the folder in Drive, or leave the path out: `dvc remote modify NAME url gdrive://FOLDER`.",
    ),
    NO_QUOTA,
    Symptom(
        "[Ss]torage quota has been exceeded|storageQuotaExceeded|teamDriveFileLimitExceeded|driveFileLimit",
        "Drive is full.",
        "Make room there (the trash counts too), and push again: what is there already is not sent twice.",
    ),
    Symptom(
        "insufficientFilePermissions|insufficientPermissions|insufficientParentPermissions|cannotAddParent",
        "This identity may read the folder but not write to it.",
        "Make it Content manager of the shared drive, or Editor of the folder.",
    ),
    Symptom(
        "To use service account, set",
        f"{VARIABLE} is empty, as it is on a pull request from a fork.",
        f"Set it to the raw JSON of the credentials. {WITHOUT}",
    ),
    LINKED_FILE,
    NO_CREDENTIALS,
    Symptom(
        r"[Rr]ateLimitExceeded|HttpError 429|'code': 429|[Tt]oo [Mm]any [Rr]equests",
        "Drive asks for fewer calls a minute.",
        "Wait some minutes and run again: what is there already is not sent twice.",
        passing=True,
    ),
    Symptom(
        r"HttpError 5\d\d|'code': 5\d\d|backendError|internalError",
        "Google Drive itself failed.",
        "Wait some minutes and run again: what is there already is not sent twice.",
        passing=True,
    ),
    Symptom(
        r"HttpError 401|authError|Invalid Credentials",
        "Drive no longer takes the access token.",
        "Run again: a new one is fetched. If it stays so, renew the credentials (docs/google-drive.md).",
        passing=True,
    ),
    Symptom(
        "Unable to find the server|Name or service not known|Temporary failure in name resolution|Network is unreachable|"
        "Error connecting to HTTP proxy|Connection refused",
        "Google cannot be reached from this machine.",
        "Look at the network and at HTTPS_PROXY, and run again.",
        passing=True,
    ),
    BROKEN_CONNECTION,
    Symptom(
        "CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        "The certificate of the server that answered is not trusted here: a proxy may be in between.",
        "Set HTTPLIB2_CA_CERTS to the file of the proxy's authority.",
    ),
)
