//! Turns devices into a running guest.
