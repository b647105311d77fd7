//! `dinh-loadtest`
fn main() {}
