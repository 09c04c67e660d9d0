"""The process of the template: the only file that puts its parts together.

```sh
python -m crossverify.adapters.template.app settings.toml
```
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from consortium.rpc.run import run_service
from consortium.rpc.settings import load_settings
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.credit import store
from crossverify.adapters.serving import Adapter, serve_adapter
from crossverify.adapters.template.backend import StoredBackend, TemplateLoader
from crossverify.adapters.template.service import TemplateService
from crossverify.adapters.template.settings import TemplateSettings

ADAPTER: Final = Adapter(
    source="credit",  # which of the consortium's sources it is: gateways refuse answers of another
    tables=store.METADATA,  # of the adapter's own database
    service="CreditSourceService",
    questions=(
        "GetReports",
        "StreamReports",
    ),  # every method of the service; who may call them is decided for all
    add=rpc.add_CreditSourceServiceServicer_to_server,
    answers=lambda institution: TemplateService(institution, StoredBackend(institution)),
    loader=TemplateLoader,
)


async def serve(settings: TemplateSettings) -> None:
    """Serve until asked to stop; see ``serve_adapter``."""
    await serve_adapter(ADAPTER, settings)


def main() -> int:
    """Run with the settings of TOML files (and of the environment, ``CHANRONG_...``); the exit code."""
    files = [Path(name) for name in sys.argv[1:]]
    return run_service("template", serve, lambda: load_settings(TemplateSettings, *files))


if __name__ == "__main__":
    sys.exit(main())
