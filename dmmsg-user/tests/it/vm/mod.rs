//! dmmsg-trace on real kernels: these tests run inside a guest that `cargo xtask test` boots.
//!
//! They load modules and make devices, so outside of a guest they do nothing at all. In it, they
//! run one after another, each from a guest without devices to a guest without devices.

mod amid;
mod budget;
mod captures;
mod count;
mod counter;
mod direct;
mod direct_arguments;
mod direct_filters;
mod export;
mod exporter;
mod filters;
mod guest;
mod handlers;
mod hist;
mod in_flight;
mod ioctls;
mod lifecycle;
mod load;
mod malformed;
mod memory;
mod oracle;
mod prometheus;
mod row;
mod rows;
mod rungs;
mod scrape;
mod secrets;
mod targets;
mod text;
mod top;
mod tracer;
mod zz_lockdown;
