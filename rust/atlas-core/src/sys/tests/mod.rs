//! Descriptors and sockets.
