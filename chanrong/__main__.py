"""``python -m chanrong``."""

from chanrong.cli.main import run

run()
