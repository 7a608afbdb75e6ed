#!/usr/bin/env python3
"""A stand-in for CML where it is not installed: the calls of `cml comment update`, and nothing else.

It takes the command line that CML 0.20 takes, refuses what that does not know, and finds its former comment by the same
watermark.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def call(method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"token {os.environ['REPO_TOKEN']}", "Content-Type": "application/json"}
    url = f"{repository.scheme}://{repository.netloc}/api/v3/{path}"
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"HttpError: {json.load(error)['message']}")


parser = argparse.ArgumentParser(prog="cml", allow_abbrev=False)
for word in ("comment", "update"):
    parser.add_argument(word, choices=[word])
for name in ("--target", "--watermark-title", "--repo"):
    parser.add_argument(name, required=True)
parser.add_argument("--publish", choices=["false"], required=True)
parser.add_argument("--driver", choices=["github"])
parser.add_argument("report", type=Path)
asked = parser.parse_args()
kind, _, number = asked.target.partition("/")
if kind != "pr" or not number.isdecimal():
    sys.exit(f"unknown target {asked.target}")
repository = urlsplit(asked.repo)
issues = f"repos{repository.path}/issues"
mark = f'![](https://cml.dev/watermark.png#{asked.watermark_title} "CML watermark")'
call("GET", "user")
former = [found["id"] for found in call("GET", f"{issues}/{number}/comments") if mark in found["body"]]
where = ("PATCH", f"{issues}/comments/{former[0]}") if former else ("POST", f"{issues}/{number}/comments")
print(call(*where, {"body": f"{asked.report.read_text(encoding='utf-8')}\n\n{mark}"})["html_url"])
