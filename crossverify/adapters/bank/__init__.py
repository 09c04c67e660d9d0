"""Reference bank (银行): a gRPC server with its own data, for tries, demos and tests."""
