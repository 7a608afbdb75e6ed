"""Addresses of objects in a store: ``s3://BUCKET/KEY``, which a table may have in the place of a path."""

import re

SCHEME = "s3"
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")


def is_address(path: str) -> bool:
    """Whether a path is an address of any scheme."""
    return _ADDRESS.fullmatch(path) is not None


def parts(address: str) -> tuple[str, str]:
    """Bucket and key of an address. Raises ValueError, with a sentence, where it is of another scheme, or names no object.

    >>> parts("s3://tables/houses/2026.csv")
    ('tables', 'houses/2026.csv')
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or found[1] != SCHEME:
        scheme = found[1] if found else ""
        raise ValueError(
            f"found {address!r}, expected a file of the checkout or s3://BUCKET/KEY: {scheme}:// is not read. Copy the table "
            "to data/, or to an S3 bucket"
        )
    bucket, _, key = found[2].partition("/")
    if not _BUCKET.fullmatch(bucket) or not key or key.endswith("/"):
        what = (
            "it names no bucket" if not _BUCKET.fullmatch(bucket) else "it names a folder" if key else "it names no key"
        )
        raise ValueError(f"found {address!r}, expected one object, as in s3://BUCKET/FOLDER/TABLE.csv: {what}")
    return bucket, key
