"""Reference movable-property registry (动产融资统一登记, 中登): a gRPC server with its own data."""
