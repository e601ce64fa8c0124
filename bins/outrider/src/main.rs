//! The outrider program.

fn main() {}
