"""Reference credit bureau (征信): a gRPC server with its own data, for tries, demos and tests."""
