//! The image: what is in it, what it says of itself, and that it runs where almost nothing is allowed.

mod contents;
mod runs;

use deploy::image::{Image, context};

/// The image of the program that the tests were started on.
fn image() -> Image {
    Image::build(&context().unwrap()).unwrap()
}
