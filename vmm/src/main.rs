//! The program `nicvmm`.

fn main() {}
