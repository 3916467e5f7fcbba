"""The lab: a network of namespaces with directors, real servers and clients, for demo and tests."""
