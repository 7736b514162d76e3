"""Let ``python -m bayesjoint`` be the command."""

import sys

from .cli import main

sys.exit(main())
