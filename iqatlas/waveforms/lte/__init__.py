"""The LTE downlink, one room for each part of 3GPP TS 36.211."""
