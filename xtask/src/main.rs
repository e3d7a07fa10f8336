//! dmmsg's chores.

fn main() {}
