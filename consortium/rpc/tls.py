"""The three files that make up a process's side of mutual TLS."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from consortium.errors import ConfigurationError


class TlsFiles(BaseModel):
    """PEM files: own certificate, its key, and the CAs that the other side's certificate must come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate: Path
    key: Path
    roots: Path

    def read(self) -> tuple[bytes, bytes, bytes]:
        """Certificate, key and roots as PEM.

        :raises ConfigurationError: a file cannot be read
        """
        contents: list[bytes] = []
        problems: list[str] = []
        for path in (self.certificate, self.key, self.roots):
            try:
                contents.append(path.read_bytes())
            except OSError as error:
                problems.append(f"{path}: {error.strerror}")
        if problems:
            raise ConfigurationError(
                f"TLS files cannot be read: {'; '.join(problems)}.", remedy="Check the paths and their modes."
            )
        certificate, key, roots = contents
        return certificate, key, roots
