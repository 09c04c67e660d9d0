"""The gRPC context that handlers are given; who calls is known from ``current_caller``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import grpc.aio

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]  # only the stubs know it as generic
else:
    Context: TypeAlias = Any
