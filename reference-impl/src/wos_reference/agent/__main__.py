"""`python -m wos_reference.agent` is the command `reference-agent`."""

import sys

from wos_reference.agent.cli import main

sys.exit(main())
