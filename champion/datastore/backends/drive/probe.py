"""A look at Drive with the client that DVC uses: run by the Python of the drive environment, it prints JSON.

Standard input is what to look at: the client's settings, the folder's path, and whether its files are wanted. What goes
wrong is printed as the client says it.
"""

import contextlib
import json
import sys
import warnings
from typing import Any


def look(settings: dict[str, Any], path: str, files: bool) -> dict[str, Any]:
    """What Drive says of a folder: ``title``, ``shared_drive`` and, where they are wanted, ``files``.

    These are Drive's md5 of each file that DVC keeps there, by the md5 in its name.
    """
    from pydrive2.fs import GDriveFileSystem

    drive = GDriveFileSystem(path, **settings)
    folder = drive.client.CreateFile({"id": path.partition("/")[0]})
    folder.FetchMetadata("title,driveId")
    if "/" in path:
        drive.info(path)  # says which folder below is not there
    checksums: dict[str, str | None] = {}
    stored = f"{path}/files/md5"
    if files and drive.exists(stored):
        for name, facts in drive.find(stored, detail=True).items():
            checksums["".join(name.split("/")[-2:])] = facts["checksum"]
    return {"title": folder.get("title"), "shared_drive": bool(folder.get("driveId")), "files": checksums}


def main() -> None:
    """Look at what standard input says."""
    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # where the client tells which page to open
            answer = look(**asked)
    except Exception as error:  # whatever it is, its text is what is asked for
        parts: list[BaseException] = [error]
        while (cause := parts[-1].__cause__ or parts[-1].__context__) is not None:
            parts.append(cause)
        answer = {"error": " | ".join(f"{type(part).__name__}: {part}" for part in parts)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
