"""The steps of a build, one module each, every one usable alone."""
