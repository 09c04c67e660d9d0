"""Two migrations for the tests of the runner."""
