//! The protocol from outside: frames byte for byte, both state machines against each other, and hostile
//! bytes.

mod bounds;
mod closing;
mod documents;
mod errors;
mod golden;
mod handshake;
mod hostile;
mod liveness;
mod lossy_pipe;
mod pair;
mod repair;
mod streams;
