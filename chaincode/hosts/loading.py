"""Finds the contract that a server is to run."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from chaincode.state import Contract
from consortium.errors import ConfigurationError


def load_contract(target: str) -> Contract:
    """The contract that ``module:attribute`` names: an instance, or a class that is called without arguments.

    The working directory counts among the places where modules are looked for, as with ``python -m``.

    :raises ConfigurationError: it is not there, or is no contract
    """
    module, _, attribute = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(import_module(module), attribute)
        contract: Contract = found() if isinstance(found, type) else found
    except Exception as error:
        raise ConfigurationError(
            f"The contract {target} cannot be loaded: {type(error).__name__}: {error}.",
            remedy="Name it as module:attribute, importable from here.",
        ) from error
    if not callable(getattr(contract, "invoke", None)):
        raise ConfigurationError(
            f"{target} is no contract: it has no method invoke.",
            remedy="See chaincode.state.Contract.",
        )
    return contract
