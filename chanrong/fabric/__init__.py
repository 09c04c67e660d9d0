"""A local Hyperledger Fabric network of native processes: for development, tests and the demo.

Nothing here is needed where a network exists already: the gateways are pointed at that one (docs/fabric.md).
"""
