#!/usr/bin/env python3
"""A stand-in for CML where it is not installed: `cml comment update` and `create` as 0.20.6 does them, and nothing else.

It refuses a command line that CML does not know. A test holds its requests, and what it says of an error, to those that the
real one was seen to make.
"""

import argparse
import json
import os
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def call(method: str, path: str, body: Any = None, needed: bool = True) -> Any:
    headers = {"Authorization": f"token {os.environ['REPO_TOKEN']}", "Accept": "application/vnd.github.v3+json"}
    url, sent = f"https://{host}/api/v3/{path}", None
    if body is not None:
        headers["Content-Type"] = "application/json; charset=utf-8"
        sent = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    trusted = ssl.create_default_context(cafile=os.environ.get("NODE_EXTRA_CA_CERTS") or None)
    request = urllib.request.Request(url, sent, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30, context=trusted) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said, name, status = json.load(error)["message"], "HttpError", error.code
    except OSError as error:
        said, name, status = f"request to {url} failed, reason: {error}", "HttpError", 500
    if not needed:
        return None
    stack = f"{name}: {said}\n    at somewhere ({'.' * 4000})"
    line = {"level": "error", "message": said, "name": name, "request": {"url": url}, "stack": stack, "status": status}
    print(json.dumps(line), file=sys.stderr)
    sys.exit(1)


parser = argparse.ArgumentParser(prog="cml", allow_abbrev=False)
parser.add_argument("what", choices=["comment"])
parser.add_argument("way", choices=["update", "create"])
for name in ("--target", "--watermark-title", "--repo"):
    parser.add_argument(name, required=True)
parser.add_argument("--publish", choices=["false"], required=True)
parser.add_argument("--driver", choices=["github"])
parser.add_argument("report", type=Path)
asked = parser.parse_args()
kind, _, number = asked.target.partition("/")
if kind != "pr" or not number.isdecimal():
    sys.exit(f"unknown target {asked.target}")
host, repository = urlsplit(asked.repo)[1:3]
issues = f"repos{repository}/issues"
head = os.environ.get("GITHUB_SHA") or subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
address, title = "![](https://cml.dev/watermark.png", f'"CML watermark {asked.watermark_title}")'
mark = f"{address}#{head} {title}"
ours = re.compile(f"{re.escape(address)}#[0-9a-fA-F]+ {re.escape(title)}")
if os.environ.get("GITHUB_SERVER_URL"):  # in CI it asks who that is, also where it was told to report nothing
    call("GET", f"users/{os.environ.get('GITHUB_ACTOR')}", needed=False)
there = []
if asked.way == "update":
    there = call("GET", f"{issues}/{number}/comments")[::-1]  # the first thirty: it does not ask for more
former = next((each["id"] for each in there if ours.search(each["body"])), None)
where = ("PATCH", f"{issues}/comments/{former}") if former else ("POST", f"{issues}/{number}/comments")
print(call(*where, {"body": f"{asked.report.read_text(encoding='utf-8')}\n\n{mark}"})["html_url"])
