//! The parts of a workbook's file (ECMA-376 part 2): unpacked within bounds, and only those that can be judged.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{MOST_FILE, MOST_OPENED, wrong};
use crate::filter::error::FilterError;

/// The most parts.
const MOST_PARTS: usize = 512;

/// Parts by their names in lower case, as Office compares them.
pub type Package = BTreeMap<String, Vec<u8>>;

/// What becomes of a part.
enum Use {
    Read,
    /// It says nothing of rows, and does not leave.
    Drop,
    /// It may show rows in another way.
    Refuse,
}

fn purpose(name: &str) -> Use {
    let is_sheet = |rest: &str| !rest.contains('/') && rest.ends_with(".xml");
    match name {
        "xl/workbook.xml" | "xl/_rels/workbook.xml.rels" | "xl/sharedstrings.xml" | "xl/styles.xml" => Use::Read,
        "[content_types].xml"
        | "_rels/.rels"
        | "docprops/app.xml"
        | "docprops/core.xml"
        | "docprops/custom.xml"
        | "xl/calcchain.xml"
        | "xl/metadata.xml" => Use::Drop,
        _ if name.strip_prefix("xl/worksheets/").is_some_and(is_sheet) => Use::Read,
        _ if name.strip_prefix("xl/theme/").is_some_and(is_sheet) => Use::Drop,
        _ if name.starts_with("xl/worksheets/_rels/") || name.starts_with("xl/printersettings/") => Use::Drop,
        _ => Use::Refuse,
    }
}

/// Unpacks a workbook.
///
/// # Errors
/// Where it is no such file, is encrypted, has parts that cannot be judged, or goes beyond a bound.
pub fn open(file: &[u8]) -> Result<Package, FilterError> {
    if file.len() > MOST_FILE {
        return Err(FilterError::TooLong(MOST_FILE));
    }
    let broken = |_| wrong("the file is not a zip archive");
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(broken)?;
    if archive.len() > MOST_PARTS {
        return Err(wrong("it has too many parts"));
    }
    let mut package = Package::new();
    let mut left = MOST_OPENED;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|_| wrong("a part cannot be unpacked"))?;
        if part.is_dir() {
            continue;
        }
        let name = part.name().map_err(broken)?.trim_start_matches('/').to_ascii_lowercase();
        match purpose(&name) {
            Use::Read => {}
            Use::Drop => continue,
            Use::Refuse => return Err(wrong("it has parts that are not judged, such as pictures, comments or macros")),
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(left).unwrap_or(u64::MAX).saturating_add(1);
        part.take(most).read_to_end(&mut bytes).map_err(|_| wrong("a part cannot be unpacked"))?;
        left = left.checked_sub(bytes.len()).ok_or(FilterError::TooLong(MOST_OPENED))?;
        if package.insert(name, bytes).is_some() {
            return Err(wrong("it has a part twice"));
        }
    }
    Ok(package)
}

/// Packs parts into a file.
///
/// # Errors
/// Where it cannot be packed.
pub fn close(parts: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, FilterError> {
    let failed = || wrong("it cannot be packed");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(3));
    for (name, bytes) in parts {
        writer.start_file(*name, options).map_err(|_| failed())?;
        writer.write_all(bytes).map_err(|_| failed())?;
    }
    writer.finish().map(Cursor::into_inner).map_err(|_| failed())
}
