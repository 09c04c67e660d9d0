"""Reference commercial-paper exchange (票交所): a gRPC server with its own data, for tries, demos and tests."""
