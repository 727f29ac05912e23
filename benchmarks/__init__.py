"""Side by side with peers, in one run: ratios mean something where seconds don't."""
