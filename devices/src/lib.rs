//! What a guest can see.
