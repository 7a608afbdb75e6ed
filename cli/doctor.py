"""`doctor`: what works here and what does not."""

import click

from champion.errors import DONE, FAILED
from champion.terminal import echo
from cli.common import config_option, json_option, print_json


@click.command("doctor")
@config_option
@json_option
def command(config: str, as_json: bool) -> int:
    """Say what works here and what does not: data, store, package, stack; each with its remedy."""
    from champion.onboarding.doctor import examine_machine

    findings = examine_machine(config)
    if as_json:
        print_json([vars(finding) for finding in findings])
    else:
        for finding in findings:
            echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what}: {finding.found}")
            if finding.remedy:
                echo(f"      {finding.remedy}")
    return DONE if all(finding.ok for finding in findings) else FAILED
