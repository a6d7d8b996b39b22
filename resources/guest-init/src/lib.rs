//! The control protocol between a VMM and PID 1 of its guest.
