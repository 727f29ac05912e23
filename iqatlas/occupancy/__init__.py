"""Who transmits when: two-state Markov chains per site and sub-channel."""
