"""Reference tax authority (税务): a gRPC server with its own data, for tries, demos and tests."""
