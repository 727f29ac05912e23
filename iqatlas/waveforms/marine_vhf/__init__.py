"""Voice on the channels of the VHF maritime mobile band."""
