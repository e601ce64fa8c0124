//! Safe API over the outrider C core.
