//! Nodes as processes, with everything that can happen to a process and its sockets.
//!
//! The built program is started and spoken to from outside: by the controller of programs, or byte by byte. Nothing is
//! timed. What must happen is waited for, up to a time that only a hang exceeds.
//!
//! Linux only: the tests look at `/proc`, fill `/dev/full`, write into rings, and change the user of a single thread.
#![cfg(target_os = "linux")]

mod death;
mod fairness;
mod hostile;
mod limits;
mod mismatch;
mod operations;
mod security;
mod shutdown;
mod support;
mod transports;
