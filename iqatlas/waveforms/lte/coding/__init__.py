"""Channel coding, one room for each part of 3GPP TS 36.212, section 5.1."""
