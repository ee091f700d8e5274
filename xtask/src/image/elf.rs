//! Whether a program asks for libraries when it starts: a look into its file (ELF, 64 bits, little-endian).

use anyhow::{Context, Result, ensure};

/// The program header that names the loader of libraries (ELF specification, `PT_INTERP`).
const INTERPRETER: u32 = 3;

/// Whether no loader is named.
///
/// # Errors
/// When it is not a program of this kind.
pub fn is_static(file: &[u8]) -> Result<bool> {
    let magic = file.get(..6).context("an empty file")?;
    ensure!(
        magic == [0x7f, b'E', b'L', b'F', 2, 1],
        "not a program of 64 bits"
    );
    let (table, size, count) = (
        number(file, 32, 8)?,
        number(file, 54, 2)?,
        number(file, 56, 2)?,
    );
    for place in 0..count {
        let at = table + place * size;
        if number(file, at, 4)? == u64::from(INTERPRETER) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The number of `width` bytes at a place.
fn number(file: &[u8], at: u64, width: usize) -> Result<u64> {
    let at = usize::try_from(at)?;
    let bytes = file.get(at..at + width).context("it ends too early")?;
    let digits = bytes.iter().rev();
    Ok(digits.fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header, and one program header of this type behind it.
    fn program(kind: u8) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        (file[32], file[54], file[56]) = (64, 56, 1);
        file[64] = kind;
        file
    }

    #[test]
    fn a_program_that_names_a_loader_is_not_static() {
        assert!(!is_static(&program(3)).unwrap());
        assert!(is_static(&program(1)).unwrap());
        let here = std::fs::read("/bin/sh").unwrap();
        assert!(!is_static(&here).unwrap(), "a shell of any system");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(is_static(b"#!/bin/sh\n").is_err());
        assert!(is_static(&program(1)[..66]).is_err());
        assert!(is_static(b"").is_err());
    }
}
