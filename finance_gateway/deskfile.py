"""The bank's own figures from its ``desk_file``: read anew whenever the file changed, never half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from consortium.errors import ConfigurationError
from crossverify.desk import DeskInfo

MAX_BYTES = 16 * 1024 * 1024
"""A file that is larger is none of a bank's limits and lists."""

_SHOWN = 5


class DeskFile:
    """Where a bank keeps its own figures.

    :param path: a JSON file, see :class:`crossverify.desk.DeskInfo`; none when the bank has no figures
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._info: DeskInfo | None = None

    def info(self) -> DeskInfo | None:
        """The figures as they are now; as of the file's change where it does not say itself.

        :raises ConfigurationError: the file cannot be read. Figures of before are not used instead: a limit that was
            lowered must not be passed over
        """
        if self._path is None:
            return None
        try:
            now = self._path.stat()
            if (now.st_mtime_ns, now.st_size) != self._seen:
                if now.st_size > MAX_BYTES:
                    raise ValueError(f"{now.st_size} bytes are more than {MAX_BYTES}")
                data: Any = orjson.loads(self._path.read_bytes())
                if isinstance(data, dict):
                    data.setdefault("as_of", int(now.st_mtime))
                self._info = DeskInfo.model_validate(data)
                self._seen = (now.st_mtime_ns, now.st_size)
        except ValidationError as error:
            raise _wrong(self._path, _mistakes(error)) from error
        except OSError as error:  # its own text names folders of this machine
            raise _wrong(self._path, error.strerror or type(error).__name__) from error
        except ValueError as error:
            raise _wrong(self._path, str(error)) from error
        return self._info


def _mistakes(error: ValidationError) -> str:
    """What is wrong where; values are left out, as they may be names."""
    found = error.errors(include_input=False, include_url=False)
    told = [f"{'/'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in found[:_SHOWN]]
    return "; ".join(told) + (f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")


def _wrong(path: Path, text: str) -> ConfigurationError:
    return ConfigurationError(
        f"The bank's own figures in {path.name} cannot be read: {text}.",
        remedy="Correct the file; packages are made again from then on.",
    )
