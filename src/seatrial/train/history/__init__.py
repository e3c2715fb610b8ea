"""Past runs: what the runs folder has in, a list, a comparison or an export out; trains and changes nothing."""
