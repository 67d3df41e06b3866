//! Extents that look like another layout than the default.
//!
//! A network has many channels and few, often square positions. So equal extents are likely to be
//! height and width, and an extent that alone is above [`MANY`] is likely to be the channels. An
//! extent s² or s² + 1 may be the tokens of a Vision Transformer: a square grid, with or without a
//! class token. Some models add four register tokens. `docs/tutorial.md` has the rules for users.

/// What an array may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likelier {
    /// An array of this layout.
    Layout(&'static str),
    /// Channels by the positions of a square grid of this side.
    Grid(usize),
}

/// The number above which an extent is likely to be the channels.
const MANY: usize = 32;

/// The minimum side of a square grid of tokens.
const MIN_SIDE: usize = 4;

/// What the extents look like, if they do not look like C×L, C×H×W or N×C×H×W, the default for their
/// number.
pub(super) fn likelier(shape: &[usize]) -> Option<Likelier> {
    let layout = match *shape {
        // Squares may also be numbers of channels, one more than a square is unusual.
        [a, b] if has_class_token(a) && !has_class_token(b) => "lc",
        // Powers of two are usual numbers of channels too.
        [a, b] if is_tokens(a) && !a.is_power_of_two() && !is_tokens(b) => "lc",
        [_, b] => return side(b).map(Likelier::Grid),
        [a, b, c] if a == b && b != c => "hwc",
        [1, b, c] if has_class_token(b) && !has_class_token(c) => "nlc",
        [1, b, c] if has_class_token(c) && !has_class_token(b) => "ncl",
        [1, b, c] if has_registers(b) && c > MANY => "nlc",
        [1, b, c] if is_tokens(b) && !is_tokens(c) => "nlc",
        [1, b, c] if is_tokens(c) && !is_tokens(b) => "ncl",
        [a, b, c] if is_last_channels([a, b, c]) => "hwc",
        [a, b, c] if a <= MANY && is_tokens(b) && b != c && c > MANY => "nlc",
        [_, a, b, c] if (a == b && b != c) || is_last_channels([a, b, c]) => "nhwc",
        [n, a, _, _] if n > MANY && a <= MANY => "cthw",
        _ => return None,
    };
    Some(Likelier::Layout(layout))
}

/// Whether only the last extent is large enough for channels.
fn is_last_channels([a, b, c]: [usize; 3]) -> bool {
    a <= MANY && b <= MANY && c > MANY
}

/// The side of the square grid of this number of positions.
fn side(positions: usize) -> Option<usize> {
    let side = positions.isqrt();
    (side >= MIN_SIDE && side * side == positions).then_some(side)
}

/// Whether this number of tokens is a square grid, with or without a class token.
fn is_tokens(extent: usize) -> bool {
    side(extent).is_some() || has_class_token(extent)
}

/// Whether this number of tokens is a square grid and a class token.
fn has_class_token(extent: usize) -> bool {
    side(extent.saturating_sub(1)).is_some()
}

/// Whether this number of tokens is a square grid, a class token and four register tokens.
fn has_registers(extent: usize) -> bool {
    side(extent.saturating_sub(5)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_arrays_look_like_their_layout() {
        for (shape, word) in [
            (&[7, 7, 512][..], "hwc"),
            (&[56, 56, 64], "hwc"),
            (&[25, 30, 1024], "hwc"),
            (&[8, 7, 7, 512], "nhwc"),
            (&[1, 25, 30, 1024], "nhwc"),
            (&[1, 197, 96], "nlc"),
            (&[8, 197, 768], "nlc"),
            (&[1, 256, 384], "nlc"),
            (&[1, 512, 49], "ncl"),
            (&[512, 8, 7, 7], "cthw"),
            (&[64, 16, 112, 112], "cthw"),
            (&[49, 512], "lc"),
            (&[197, 768], "lc"),
            (&[257, 1024], "lc"),
            (&[17, 1024], "lc"),
            (&[1, 257, 1024], "nlc"),
            (&[1, 17, 64], "nlc"),
            (&[1, 261, 384], "nlc"),
            (&[1, 1374, 1024], "nlc"),
            (&[1, 1024, 257], "ncl"),
        ] {
            assert_eq!(likelier(shape), Some(Likelier::Layout(word)), "{shape:?}");
        }
        assert_eq!(likelier(&[512, 49]), Some(Likelier::Grid(7)));
    }

    #[test]
    fn feature_maps_in_the_usual_order_do_not_look_like_another_layout() {
        for shape in [
            &[512, 7, 7][..],
            &[64, 56, 56],
            &[1280, 7, 7],
            &[256, 100, 152],
            &[512, 25, 42],
            &[512, 16, 16],
            &[24, 112, 112],
            &[1, 1280, 7, 7],
            &[128, 512, 7, 7],
            &[8, 256, 25, 42],
            &[16, 64, 64, 64],
            &[2, 24, 112, 112],
            &[512, 50],
            &[64, 1000],
            &[1, 2, 1, 2, 1],
            &[5],
        ] {
            assert_eq!(likelier(shape), None, "{shape:?}");
        }
    }
}
