//! What is wrong with files that people write, where exactly, and what to write instead; never what the files mean.

mod place;

pub use place::Place;
