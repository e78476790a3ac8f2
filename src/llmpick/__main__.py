"""`python -m llmpick`."""

from llmpick.cli.main import main

main()
