//! The tensor operations.

mod definitions;
mod errors;
mod identities;
mod kolda_bader;
mod large;
