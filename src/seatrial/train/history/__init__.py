"""Past runs: a runs folder in; a list, a comparison or an export out. It trains nothing and changes nothing."""
