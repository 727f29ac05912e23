"""From paths and baseband to received samples: delays, Doppler, noise."""
