"""What touches the network: the visitor of a WOS, the double that faces an agent, identities, faults."""
