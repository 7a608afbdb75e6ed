#!/usr/bin/env python
"""The door: ``python run.py COMMAND``; what each command does is in cli/."""

import sys

try:
    from cli.main import main
except KeyboardInterrupt:
    sys.exit(130)
except ModuleNotFoundError as error:
    if error.name != "click":
        raise
    sys.exit(
        "Error: this Python has no environment of the project. `make run` makes one; `. .venv/bin/activate` enters it."
    )

if __name__ == "__main__":
    sys.exit(main())
