"""A folder as the remote: of this machine, or of a drive that is mounted."""

import os
from pathlib import Path

from champion.datastore.backends.base import Remote, RemoteBackend, RemoteError, Symptom, compare
from champion.datastore.index import recorded

_ADDRESS = "correct the address: `dvc remote modify NAME url FOLDER`."


class FolderBackend(RemoteBackend):
    """A path without a scheme."""

    schemes = ("",)
    symptoms = (
        Symptom(
            r"\[Errno (?:1|13)\][^\n]*'(?P<path>[^'\n]+)'",
            "This user may not read or write {path}.",
            f"Give permission (`ls -ld` on the folders above it shows whose they are), or {_ADDRESS}",
        ),
        Symptom(
            r"\[Errno 30\][^\n]*'(?P<path>[^'\n]+)'",
            "{path} lies on a file system that is mounted to be read only.",
            f"Mount it for writing, or {_ADDRESS}",
        ),
        Symptom(
            r"\[Errno (?:28|122)\][^\n]*'(?P<path>[^'\n]+)'",
            "There is no room left to write {path}.",
            "Make room there, and run again: what is there already is not sent twice.",
        ),
        Symptom(
            r"\[Errno (?:17|20)\][^\n]*'(?P<path>[^'\n]+)'",
            "{path} cannot be a file: a part of its path is a file, not a folder.",
            f"Move that file away, or {_ADDRESS}",
        ),
        Symptom(
            r"\[Errno (?:2|5|6|19|107|108|112|113|116)\][^\n]*'(?P<path>[^'\n]+)'",
            "{path} is not there or does not answer: the drive that it lies on may not be mounted.",
            f"Mount the drive, or {_ADDRESS}",
        ),
    )

    def require(self, remote: Remote) -> None:
        """Refuse a folder that is not there."""
        if not Path(remote.url).is_dir():
            raise RemoteError(
                f"The folder {remote.url} of the remote {remote.name} does not exist on this machine.",
                f"Mount the drive that it lies on, or {_ADDRESS} A new folder is made by `make push` where the files are.",
            )

    def check(self, root: Path, remote: Remote) -> str:
        """Look at the folder, and what is in it."""
        folder, outputs = Path(remote.url), recorded(root)
        if not folder.exists() and all(output.path.exists() or output.made for output in outputs):
            return f"the folder {folder} is not there; `make push` makes it (a drive has to be mounted first)"
        self.require(remote)
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise RemoteError(f"This user may not read or write {folder}.", self.symptoms[0].remedy)
        there = {
            output.md5: None for output in outputs if (folder / "files/md5" / output.md5[:2] / output.md5[2:]).exists()
        }
        return f"the folder {folder}{compare(outputs, there, 'the folder')}"
