//! A link as a QR code (ISO/IEC 18004), drawn as the path of an SVG.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// A QR code, drawn.
#[derive(Clone, Debug)]
pub(super) struct Drawing {
    /// How many modules its side has, with the margin that readers need.
    pub(super) side: usize,
    /// What is dark, as lines one module wide through the middle of each row.
    pub(super) path: String,
}

/// The margin that readers need, in modules (§5.3.8).
const MARGIN: usize = 4;

impl Drawing {
    /// None for a text that is too long for any.
    pub(super) fn of(text: &str) -> Option<Self> {
        // A sixth may be lost to a fold or a stain.
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let modules = code.into_colors();
        let mut path = String::new();
        for (row, y) in modules.chunks(width).zip(MARGIN..) {
            let mut x = 0;
            // Where the pen is: at the beginning of the row, or behind the last dark run.
            let mut pen = None;
            for run in row.chunk_by(|one, other| one == other) {
                let length = run.len();
                if run.first() == Some(&Color::Dark) {
                    // It is written to memory.
                    let _ = match pen {
                        None => write!(path, "M{} {y}.5h{length}", x + MARGIN),
                        Some(behind) => write!(path, "m{} 0h{length}", x - behind),
                    };
                    pen = Some(x + length);
                }
                x += length;
            }
        }
        Some(Self {
            side: width + 2 * MARGIN,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules that a path makes dark.
    fn draw(drawing: &Drawing) -> Vec<Vec<bool>> {
        let side = drawing.side;
        let mut dark = vec![vec![false; side]; side];
        for row in drawing.path.split('M').skip(1) {
            let (x, rest) = row.split_once(' ').unwrap();
            let (y, rest) = rest.split_once(".5").unwrap();
            let (mut x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            for (index, step) in rest.split(['h', 'm']).skip(1).enumerate() {
                let length: usize = step.trim_end_matches(" 0").parse().unwrap();
                if index % 2 == 0 {
                    dark[y][x..x + length].fill(true);
                }
                x += length;
            }
        }
        dark
    }

    #[test]
    fn what_is_drawn_is_read_as_the_link_and_has_its_margin() {
        for text in [
            "https://hop.example.vn/m/7KQM-2FJX-9VTP-3HWS".to_owned(),
            format!("https://{}.vn/m/0000-0000-0000-0000", "x".repeat(200)),
        ] {
            let drawing = Drawing::of(&text).unwrap();
            let dark = draw(&drawing);
            let inner = MARGIN..drawing.side - MARGIN;
            for (y, row) in dark.iter().enumerate() {
                for (x, is_dark) in row.iter().enumerate() {
                    assert!(!is_dark || (inner.contains(&x) && inner.contains(&y)));
                }
            }
            let grid =
                rqrr::SimpleGrid::from_func(inner.len(), |x, y| dark[y + MARGIN][x + MARGIN]);
            let (_, read) = rqrr::Grid::new(grid).decode().unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn a_text_that_no_code_holds_is_not_drawn() {
        assert!(Drawing::of(&"x".repeat(3_000)).is_none());
    }
}
