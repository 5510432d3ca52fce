//! Whether a debugger can run in the container: its processor and its C library. The kernel's own words
//! for both are the same as for a file that is not there, or none at all.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::debugger::NOT_STARTED;
use crate::failure::{Failure, Result};

/// What is read of a program: linkers put what is looked at into its first page.
const START: u64 = 4 << 10;
/// Kind of the program header that names the loader.
const INTERP: u32 = 3;
/// Processors by the numbers that ELF has for them.
const PROCESSORS: [(u16, &str); 4] = [(3, "x86"), (40, "arm"), (62, "x86_64"), (183, "aarch64")];

/// Refuses a program that cannot run here, with what is missing.
pub fn check(program: &str) -> Result<()> {
    let mut start = Vec::new();
    // One that can't be read, or is looked for in PATH, fails where it is started.
    let read = File::open(program).and_then(|file| file.take(START).read_to_end(&mut start));
    if read.is_err() || !program.starts_with('/') {
        return Ok(());
    }
    let exists = |path: &str| Path::new(path).exists();
    match misfit(&start, std::env::consts::ARCH, exists) {
        Some((why, remedy)) => Err(Failure::new(NOT_STARTED, program, why).try_to(remedy)),
        None => Ok(()),
    }
}

/// Why a program does not run on a processor and with the files of an image, and what to do.
fn misfit(
    program: &[u8],
    processor: &str,
    exists: impl Fn(&str) -> bool,
) -> Option<(String, String)> {
    let elf = Elf::read(program)?;
    let built_for = PROCESSORS.iter().find(|known| known.0 == elf.machine);
    let built_for = built_for.map_or("another processor", |known| known.1);
    if built_for != processor {
        return Some((
            format!("it was built for {built_for}, and the node of the pod is {processor}"),
            format!(
                "Install the debugger for {processor}: `azds debugger install --from` takes a folder that has it."
            ),
        ));
    }
    let loader = elf.loader?;
    if exists(&loader) {
        return None;
    }
    let (built_for, base) = match loader.contains("musl") {
        true => ("musl", "Alpine"),
        false => ("glibc", "Debian or Ubuntu"),
    };
    let other = match (built_for, exists(&format!("/lib/ld-musl-{processor}.so.1"))) {
        ("glibc", true) => " (it has musl)",
        _ => "",
    };
    Some((
        format!("it needs {loader} of {built_for}, which the image does not have{other}"),
        format!(
            "Develop with an image based on {base}, or install a debugger that was built for the image's C library."
        ),
    ))
}

/// What the head of a 64-bit little-endian program says.
struct Elf {
    machine: u16,
    loader: Option<String>,
}

impl Elf {
    fn read(program: &[u8]) -> Option<Elf> {
        if !program.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let at = |offset: usize, length| program.get(offset..offset + length);
        let short = |offset| Some(u16::from_le_bytes(at(offset, 2)?.try_into().ok()?));
        let long = |offset| {
            let bytes = at(offset, 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let (headers, size, count) = (long(32)?, short(54)?, short(56)?);
        let offsets = (0..usize::from(count)).map(|index| headers + index * usize::from(size));
        let loader = offsets.into_iter().find_map(|header| {
            let kind = u32::from_le_bytes(at(header, 4)?.try_into().ok()?);
            let text = || at(long(header + 8)?, long(header + 32)?);
            let text = (kind == INTERP).then(text)??;
            let text = String::from_utf8_lossy(text);
            Some(text.trim_end_matches('\0').to_owned())
        });
        Some(Elf {
            machine: short(18)?,
            loader,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program for a processor, with this loader if it has one.
    fn program(machine: u16, loader: &str) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&u16::from(!loader.is_empty()).to_le_bytes());
        bytes[64..68].copy_from_slice(&INTERP.to_le_bytes());
        bytes[72..80].copy_from_slice(&120_u64.to_le_bytes());
        bytes[96..104].copy_from_slice(&(loader.len() as u64 + 1).to_le_bytes());
        bytes.extend_from_slice(loader.as_bytes());
        bytes.push(0);
        bytes
    }

    #[test]
    fn what_is_missing_is_named() {
        let glibc = "/lib64/ld-linux-x86-64.so.2";
        let musl = "/lib/ld-musl-x86_64.so.1";
        for (machine, loader, has, expected) in [
            (62, glibc, glibc, ""),
            (62, "", "", ""),
            (
                183,
                "",
                "",
                "built for aarch64, and the node of the pod is x86_64",
            ),
            (243, "", "", "built for another processor"),
            (62, glibc, "", "needs /lib64/ld-linux-x86-64.so.2 of glibc"),
            (62, glibc, musl, "does not have (it has musl)"),
            (62, musl, glibc, "needs /lib/ld-musl-x86_64.so.1 of musl"),
        ] {
            let program = program(machine, loader);
            let found = misfit(&program, "x86_64", |path| path == has);
            let (why, remedy) = found.unwrap_or_default();
            assert!(why.contains(expected), "{why:?} for {expected:?}");
            assert_eq!(why.is_empty(), expected.is_empty());
            assert_eq!(remedy.is_empty(), expected.is_empty());
        }
    }

    #[test]
    fn what_is_no_program_of_elf_or_cut_off_says_nothing() {
        let whole = program(62, "/lib/none");
        for end in 0..64 {
            assert!(misfit(&whole[..end], "x86_64", |_| true).is_none());
        }
        assert!(misfit(b"#!/usr/bin/env python3", "x86_64", |_| false).is_none());
        let me = std::env::current_exe().expect("a test knows itself");
        check(&me.to_string_lossy()).expect("it runs");
    }
}
