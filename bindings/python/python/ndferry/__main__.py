"""`python -m ndferry` is the `ndferry` command."""

import sys

from ._command import main

sys.exit(main())
